"""Puts a file of events on Kafka, keyed by user: as fast as it can, at a rate, or in event time.

    python -m pipelines.replay --input clicks.csv --output kafka://localhost:9092/clicks --rate 500

The file is read as the pipelines read it (`sources`). Values are `user,item,time,behavior`, or
JSON. Lines that are not events are left out and counted; with --keep_malformed they are sent as
they are, to test what reads the topic.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rivulet.settings import ArgumentParser, option
from sources.options import split_columns

if TYPE_CHECKING:
    from pipelines.running.replaying import Replay
    from sources.kafka.url import KafkaUrl

INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells have it."""


@dataclass(frozen=True)
class ReplaySettings:
    """What is sent, where to, and how fast.

    Attributes:
        input: a file or a glob: CSV, CSV gzipped, or Parquet.
        columns: the columns of a CSV file without a header, separated by commas.
        output: kafka://HOST:PORT[,HOST:PORT]/TOPIC; ${NAME} in it is taken from the environment.
        rate: events per second.
        speed: event time this many times as fast as the clock.
        format: how a value is written, csv or json.
        keep_malformed: send lines that are not events as they are.
    """

    input: str = option(metavar="FILE")
    output: str = option(metavar="URL")
    columns: str | None = option(None, "NAMES", shown="the first line names them")
    rate: float | None = option(None, "N", above=0, shown="as fast as it can")
    speed: float | None = option(None, "X", above=0, shown="as fast as it can")
    format: str = option("csv", choices=("csv", "json"))
    keep_malformed: bool = option(False)

    def problems(self) -> list[str]:
        """What is wrong with the values, a line each."""
        if self.rate is not None and self.speed is not None:
            return ["--rate and --speed exclude each other: give one"]
        return []


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command.

    Returns:
        The exit status: 0, 1 if Kafka failed, 2 for a bad option, 130 after Ctrl-C.
    """
    parser = ArgumentParser(
        prog="python -m pipelines.replay", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_settings(ReplaySettings)
    chosen = parser.settings_of(ReplaySettings, parser.parse_args(arguments))

    from kafka.errors import KafkaError
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    from pipelines.running.replaying import Pace, Replay, replay, values
    from sources.errors import SourceError
    from sources.files.plan import plan
    from sources.kafka.errors import words
    from sources.kafka.url import parse_url

    try:
        url = parse_url(chosen.output)
        ranges = plan(chosen.input, split_columns(chosen.columns) if chosen.columns else None)
    except SourceError as error:
        parser.error(str(error))
    # The errors are shown below, once; the client itself logs each of them many times.
    logging.getLogger("kafka").propagate = False
    errors = Console(stderr=True, highlight=False, soft_wrap=True)
    done, status, begun = Replay(), 0, time.monotonic()
    bar = Progress(
        SpinnerColumn(),
        TextColumn("{task.completed:,.0f} sent, {task.fields[rate]:,.0f}/s"),
        TimeElapsedColumn(),
        console=errors,
        transient=True,
    )
    try:
        with bar:
            task = bar.add_task("", total=None, rate=0.0)

            def progress() -> None:
                if done.sent % 256 == 0:
                    rate = done.sent / max(time.monotonic() - begun, 1e-9)
                    bar.update(task, completed=done.sent, rate=rate)

            messages = values(ranges, chosen.format == "json", chosen.keep_malformed, done)
            replay(messages, url, Pace(chosen.rate, chosen.speed), done, progress)
    except KeyboardInterrupt:
        status = INTERRUPTED
    except (KafkaError, SourceError) as error:
        what = str(error) if isinstance(error, SourceError) else f"{url}: {words(error)}"
        errors.print(f"{parser.prog}: {what}", markup=False)
        status = 1
    if done.failed:
        status = status or 1
    _summary(done, url, time.monotonic() - begun, status == INTERRUPTED)
    return status


def _summary(done: Replay, url: KafkaUrl, seconds: float, interrupted: bool) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title="Interrupted" if interrupted else "Replayed", show_header=False)
    table.add_row("to", str(url))
    table.add_row("sent", f"{done.sent - done.failed:,}")
    table.add_row("refused by Kafka", f"{done.failed:,}")
    table.add_row("malformed lines", f"{done.malformed:,}")
    table.add_row("seconds", f"{seconds:.1f}")
    table.add_row("a second", f"{done.sent / max(seconds, 1e-9):,.0f}")
    Console().print(table)


if __name__ == "__main__":
    sys.exit(main())
