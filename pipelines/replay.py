"""Puts a file of events on Kafka, keyed by user: as fast as it can, at a rate, or in event time.

    python -m pipelines.replay --input clicks.csv --output kafka://localhost:9092/clicks --rate 500

The file is read as the pipelines read it (`sources`). Values are `user,item,time,behavior`, or
JSON. Lines that are not events are left out and counted; with --keep_malformed they are sent as
they stand, so that what reads the topic has something to refuse.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NoReturn

from kafka import KafkaProducer
from kafka.errors import KafkaError
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from sources.errors import SourceError
from sources.files.plan import FileRange, plan
from sources.files.read import read_range
from sources.kafka.errors import reach, words
from sources.kafka.url import KafkaUrl, parse_url
from sources.options import split_columns
from transforms.messages.events import BEHAVIORS, EventBatch

INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells have it."""

FLUSH_SECONDS = 30.0
_NAP_SECONDS = 0.002


@dataclass
class Replay:
    """What was done so far.

    Attributes:
        sent: values handed to Kafka's client.
        failed: values that Kafka did not take.
        malformed: lines of the file that are not events.
    """

    sent: int = 0
    failed: int = 0
    malformed: int = 0


class Pace:
    """Waits until an event is due.

    Args:
        rate: events per second of the clock, or None.
        speed: seconds of event time per second of the clock, or None.
    """

    def __init__(self, rate: float | None, speed: float | None) -> None:
        self.rate = rate
        self.speed = speed
        self._begun: float | None = None
        self._first = 0
        self._count = 0

    def wait(self, event_time: int) -> None:
        """Returns when the next event, which happened at `event_time`, is due."""
        now = time.monotonic()
        if self._begun is None:
            self._begun, self._first = now, event_time
        due = self._begun
        if self.rate:
            due += self._count / self.rate
        elif self.speed:
            due += (event_time - self._first) / self.speed
        self._count += 1
        if due - now > _NAP_SECONDS:
            time.sleep(due - now)


def values(
    ranges: Sequence[FileRange], as_json: bool, keep: bool, done: Replay
) -> Iterator[tuple[int | None, bytes | None, bytes]]:
    """Time, key and value of each message, in the file's order.

    Malformed lines follow the events of their block, without a time or a key.
    """
    for piece in ranges:
        for events, letters in read_range(piece):
            yield from _encode(events, as_json)
            done.malformed += len(letters)
            if keep:
                for letter in letters:
                    yield None, None, letter.raw.encode()


def _encode(events: EventBatch, as_json: bool) -> Iterator[tuple[int, bytes, bytes]]:
    columns = (events.user, events.item, events.time, events.behavior)
    for user, item, when, code in zip(*(column.tolist() for column in columns), strict=True):
        name = BEHAVIORS[code]
        text = (
            json.dumps({"user": user, "item": item, "time": when, "behavior": name})
            if as_json
            else f"{user},{item},{when},{name}"
        )
        yield when, b"%d" % user, text.encode()


def replay(
    messages: Iterator[tuple[int | None, bytes | None, bytes]],
    url: KafkaUrl,
    pace: Pace,
    done: Replay,
    progress: Callable[[], None] = lambda: None,
) -> None:
    """Sends the messages; whatever stops it, all that were handed over are flushed.

    Raises:
        KafkaError: no broker answers, or one refuses the user.
    """
    producer = reach(
        lambda wait: KafkaProducer(
            **url.client(),
            enable_idempotence=True,
            acks="all",
            linger_ms=20,
            batch_size=1 << 16,
            bootstrap_timeout_ms=wait,
        )
    )

    def failed(_: BaseException) -> None:
        done.failed += 1

    try:
        for when, key, value in messages:
            if when is not None:
                pace.wait(when)
            producer.send(url.topic, value, key).add_errback(failed)
            done.sent += 1
            progress()
    finally:
        try:
            producer.flush(FLUSH_SECONDS)
        finally:
            producer.close(FLUSH_SECONDS)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Says what is wrong in one line."""
        self.exit(2, f"{self.prog}: {message} (see --help)\n")


def _positive(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"'{text}' is not a number above 0")
    return number


def parser() -> argparse.ArgumentParser:
    """The command's options."""
    made = _Parser(prog="python -m pipelines.replay", description=(__doc__ or "").split("\n")[0])
    add = made.add_argument
    add("--input", required=True, metavar="FILE",
        help="a file or a glob: CSV, CSV gzipped, or Parquet (required)")  # fmt: skip
    add("--columns", metavar="NAMES",
        help="the columns of a CSV file without a header (default: its first line)")  # fmt: skip
    add("--output", required=True, metavar="URL",
        help="kafka://HOST:PORT[,HOST:PORT]/TOPIC; ${NAME} in it is taken from the environment "
        "(required)")  # fmt: skip
    pace = made.add_mutually_exclusive_group()
    pace.add_argument("--rate", type=_positive, metavar="N",
        help="events per second (default: as fast as it can)")  # fmt: skip
    pace.add_argument("--speed", type=_positive, metavar="X",
        help="event time X times as fast as the clock (default: as fast as it can)")  # fmt: skip
    add("--format", choices=("csv", "json"), default="csv",
        help="how a value is written (default: %(default)s)")  # fmt: skip
    add("--keep_malformed", action="store_true",
        help="send lines that are not events as they stand (default: leave them out)")  # fmt: skip
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command.

    Returns:
        The exit status: 0, 1 if Kafka failed, 2 for a bad option, 130 after Ctrl-C.
    """
    made = parser()
    given = made.parse_args(arguments)
    try:
        url = parse_url(given.output)
        ranges = plan(given.input, split_columns(given.columns) if given.columns else None)
    except SourceError as error:
        made.error(str(error))
    # What goes wrong is said below, once; the client itself says it many times over.
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

            messages = values(ranges, given.format == "json", given.keep_malformed, done)
            replay(messages, url, Pace(given.rate, given.speed), done, progress)
    except KeyboardInterrupt:
        status = INTERRUPTED
    except (KafkaError, SourceError) as error:
        what = str(error) if isinstance(error, SourceError) else f"{url}: {words(error)}"
        errors.print(f"{made.prog}: {what}", markup=False)
        status = 1
    if done.failed:
        status = status or 1
    _summary(done, url, time.monotonic() - begun, status == INTERRUPTED)
    return status


def _summary(done: Replay, url: KafkaUrl, seconds: float, interrupted: bool) -> None:
    table = Table(title="Interrupted" if interrupted else "Replayed", show_header=False)
    table.add_row("to", str(url))
    table.add_row("sent", f"{done.sent - done.failed:,}")
    table.add_row("not taken by Kafka", f"{done.failed:,}")
    table.add_row("malformed lines", f"{done.malformed:,}")
    table.add_row("seconds", f"{seconds:.1f}")
    table.add_row("a second", f"{done.sent / max(seconds, 1e-9):,.0f}")
    Console().print(table)


if __name__ == "__main__":
    sys.exit(main())
