"""Sends a file of events to a Kafka topic, keyed by user.

    python -m pipelines.replay --input clicks.csv --output kafka://localhost:9092/clicks --rate 500

Values are `user,item,time,behavior`, or JSON. Lines that are not events are counted and left out;
with --keep_malformed they are sent unchanged.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rivulet.settings import ArgumentParser, option

if TYPE_CHECKING:
    from rich.console import Console

    from pipelines.kafka_producer import SendCounts
    from sources.kafka.url import KafkaUrl

INTERRUPTED = 130
"""Exit status after Ctrl-C, as in shells."""
FORMATS = ("csv", "json")


@dataclass(frozen=True)
class ReplaySettings:
    """Replay.

    Attributes:
        input: a file or a glob: CSV, gzipped CSV, or Parquet.
        output: kafka://HOST:PORT[,HOST:PORT]/TOPIC; ${NAME} is replaced from the environment.
        columns: columns of CSV files without a header, separated by commas.
        schema: how the fields of the files map to events: a TOML file, or the name of a preset.
        rate: events per second.
        speed: seconds of event time per second.
        format: format of the values.
        keep_malformed: send lines that are not events, unchanged.
    """

    input: str = option(metavar="FILE")
    output: str = option(metavar="URL")
    columns: tuple[str, ...] = option(
        (), "NAMES", separated=True, shown="the first line names them"
    )
    rate: float | None = option(None, "N", above=0, shown="no limit")
    speed: float | None = option(None, "X", above=0, shown="no limit")
    format: str = option("csv", choices=FORMATS)
    keep_malformed: bool = option(False)
    schema: str | None = option(None, "FILE|PRESET", shown="the columns have an event's names")

    def problems(self) -> Iterator[str]:
        """Errors in the values, one line each."""
        if self.schema and self.columns:
            yield "--columns has no effect with --schema: give columns in the schema"
        if self.rate and self.speed:
            yield "--rate and --speed exclude each other: give one of them"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command.

    Args:
        arguments: the command line; `sys.argv`'s by default.

    Returns:
        The exit status: 0; 1 if Kafka failed, 2 for a bad option, 130 after Ctrl-C.
    """
    parser = ArgumentParser(prog="python -m pipelines.replay", description=__doc__)
    parser.add_settings(ReplaySettings)
    chosen = parser.settings_of(ReplaySettings, parser.parse_args(arguments))

    from kafka.errors import KafkaError
    from rich.console import Console

    from pipelines.kafka_producer import Pace, SendCounts, messages, send
    from sources.errors import SourceError
    from sources.files.plan import plan
    from sources.kafka.errors import describe
    from sources.kafka.url import parse_url
    from sources.schema.load import load_schema

    try:
        url = parse_url(chosen.output)
        schema = load_schema(chosen.schema) if chosen.schema else None
        ranges = plan(chosen.input, list(chosen.columns) or None, schema=schema)
    except SourceError as error:
        parser.error(str(error))
    # The client logs each error many times; the command prints it once.
    logging.getLogger("kafka").propagate = False
    errors = Console(stderr=True, highlight=False, soft_wrap=True)
    counts, status, started = SendCounts(), 0, time.monotonic()
    outgoing = messages(ranges, chosen.format == "json", chosen.keep_malformed, counts)
    try:
        with _progress(counts, errors) as progress:
            send(outgoing, url, Pace(chosen.rate, chosen.speed), counts, progress)
    except KeyboardInterrupt:
        status = INTERRUPTED
    except SourceError as error:
        errors.print(f"{parser.prog}: {error}", markup=False)
        status = 1
    except KafkaError as error:
        errors.print(f"{parser.prog}: {url}: {describe(error)}", markup=False)
        status = 1
    if counts.failed:
        status = status or 1
    _summary(counts, url, time.monotonic() - started, status == INTERRUPTED)
    return status


@contextmanager
def _progress(counts: SendCounts, console: Console) -> Iterator[Callable[[], None]]:
    """A progress line; the value is a function that updates it."""
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    text = TextColumn("{task.completed:,.0f} sent, {task.fields[rate]:,.0f}/s")
    started = time.monotonic()
    with Progress(
        SpinnerColumn(), text, TimeElapsedColumn(), console=console, transient=True,
        disable=not console.is_terminal,
    ) as bar:  # fmt: skip
        task = bar.add_task("", total=None, rate=0.0)

        def update() -> None:
            if counts.sent % 256 == 0:
                rate = counts.sent / max(time.monotonic() - started, 1e-9)
                bar.update(task, completed=counts.sent, rate=rate)

        yield update


def _summary(counts: SendCounts, url: KafkaUrl, seconds: float, interrupted: bool) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title="Interrupted" if interrupted else "Replayed", show_header=False)
    table.add_row("topic", str(url))
    table.add_row("sent", f"{counts.sent - counts.failed:,}")
    table.add_row("not accepted by Kafka", f"{counts.failed:,}")
    table.add_row("malformed lines", f"{counts.malformed:,}")
    table.add_row("seconds", f"{seconds:.1f}")
    table.add_row("events a second", f"{counts.sent / max(seconds, 1e-9):,.0f}")
    Console().print(table)


if __name__ == "__main__":
    sys.exit(main())
