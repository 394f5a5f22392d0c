"""Rounds for as long as a log grows: how far it has come, and when the next round begins."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from rivulet.errors import UserError
from training.estimation.list_log import log_files
from training.estimation.rows import EstimationError
from training.promotion.options import LoopSettings


def follow(
    settings: LoopSettings,
    one_round: Callable[[], str],
    pause: Callable[[], int | None] = lambda: None,
) -> None:
    """Runs rounds until it is stopped, and prints what each says, unless it says the same again.

    The next round begins once the log is `settings.every` of event time longer. A log that is not
    there yet, or has too little to learn from, is no end: it grows.

    Args:
        settings: log, models and gate.
        one_round: runs a round.
        pause: seconds of event time to the next round, where it is not `settings.every`.
    """
    due, said = 0, ""
    while True:
        try:
            now = newest_time(settings.log)
            if now >= due:
                told = one_round()
                wait = pause()
                due = now + ((settings.every or 0) if wait is None else wait)
                if told != said:
                    said = told
                    print(told, flush=True)
        except UserError as error:
            if str(error) != said:
                said = str(error)
                print(f"no decision: {error}", flush=True)
        time.sleep(settings.poll)


def newest_time(log: Path) -> int:
    """The largest time in a feedback log, seconds since the epoch.

    Raises:
        EstimationError: there is no file, or one cannot be read.
    """
    return max(_newest(file) for file in log_files(log))


def _newest(file: Path) -> int:
    try:
        metadata = pq.read_metadata(file)
        column = metadata.schema.names.index("time")
        times = [
            metadata.row_group(number).column(column).statistics
            for number in range(metadata.num_row_groups)
        ]
        return max((int(each.max) for each in times if each and each.has_min_max), default=0)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise EstimationError(f"{file} cannot be read: {error}") from error
