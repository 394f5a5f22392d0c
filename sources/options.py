"""What a user says about the input: the options, their checks, and the errors' words."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime

from apache_beam.options.pipeline_options import PipelineOptions

from sources.errors import SourceError
from sources.kafka.url import SECURITY
from sources.parsing.layout import EXAMPLE, Layout


def split_columns(text: str) -> list[str]:
    """The names in `--columns`."""
    return [name.strip() for name in text.split(",")]


class InputOptions(PipelineOptions):
    """Where the events come from."""

    @classmethod
    def _add_argparse_args(cls, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "--input",
            default=None,
            metavar="URL",
            help="where the click-stream is: a file or a glob on any of Beam's filesystems (CSV, "
            "CSV gzipped, Parquet), or kafka://HOST:PORT[,HOST:PORT]/TOPIC "
            "(default: the sample that Rivulet brings)",
        )
        parser.add_argument(
            "--columns",
            default=None,
            metavar="NAMES",
            help="the columns of a CSV file without a header, separated by commas, for example "
            f"'{EXAMPLE.split()[1]}'; needed are user, item and time (seconds since the epoch), "
            "others than these and behavior are ignored (default: the first line names them)",
        )

    def problems(self) -> list[str]:
        """What is wrong with the values, a line each."""
        found = []
        if self.input is not None and not self.input.strip():
            found.append("--input is empty: give a path or a URL")
        if self.columns is not None:
            try:
                Layout.of(split_columns(self.columns), "--columns")
            except SourceError as error:
                found.append(f"{error}; for example {EXAMPLE}")
        return found


class KafkaOptions(PipelineOptions):
    """How a topic is read."""

    @classmethod
    def _add_argparse_args(cls, parser: argparse.ArgumentParser) -> None:
        add = parser.add_argument
        add("--max_out_of_orderness", type=int, default=10, metavar="SECONDS",
            help="how far an event may stand behind the latest of its partition without holding "
            "anything up, in seconds of event time (default: %(default)s)")  # fmt: skip
        add("--idle_timeout", type=int, default=60, metavar="SECONDS",
            help="a partition silent for so many seconds no longer holds the others back "
            "(default: %(default)s)")  # fmt: skip
        add("--silence_timeout", type=int, default=0, metavar="SECONDS",
            help="a topic to which nothing was added for so many seconds goes on by the clock: its "
            "last windows are given, and older events that come after that are late; 0 for never "
            "(default: %(default)s)")  # fmt: skip
        add("--allowed_lateness", type=int, default=3600, metavar="SECONDS",
            help="an event further behind its partition's watermark than so many seconds of event "
            "time is late at once (default: %(default)s)")  # fmt: skip
        add("--kafka_start", default="earliest", metavar="WHERE",
            help="where to begin in each partition: earliest, latest, or an ISO time such as "
            "2026-01-31T12:00:00Z, UTC if it names no zone (default: %(default)s)")  # fmt: skip
        add("--kafka_stop_at", default=None, metavar="latest",
            help="'latest' ends at the offsets of the moment of the start "
            "(default: never end)")  # fmt: skip
        add("--kafka_refresh", type=int, default=30, metavar="SECONDS",
            help="look for new partitions so often, in seconds (default: %(default)s)")  # fmt: skip
        add("--kafka_group", default="rivulet", metavar="NAME",
            help="the consumer group to which offsets are committed, for lag tools; nothing is "
            "resumed from it (default: %(default)s)")  # fmt: skip
        for name, (metavar, words) in SECURITY.items():
            add(f"--kafka_{name}", default=None, metavar=metavar, help=words)

    def problems(self) -> list[str]:
        """What is wrong with the values, a line each."""
        found = [
            f"--{name} must be {least} or more seconds, not {getattr(self, name)}"
            for name, least in (
                ("max_out_of_orderness", 0),
                ("idle_timeout", 1),
                ("silence_timeout", 0),
                ("allowed_lateness", 0),
                ("kafka_refresh", 1),
            )
            if getattr(self, name) < least
        ]
        if self.kafka_stop_at not in (None, "latest"):
            found.append(f"--kafka_stop_at can only be 'latest', not '{self.kafka_stop_at}'")
        try:
            start_time(self.kafka_start)
        except ValueError:
            found.append(
                "--kafka_start must be earliest, latest or an ISO time such as "
                f"2026-01-31T12:00:00Z, not '{self.kafka_start}'"
            )
        if not self.kafka_group:
            found.append("--kafka_group is empty: give the group a name")
        return found


def start_time(start: str) -> int | None:
    """Milliseconds since the epoch of an ISO time; None for `earliest` and `latest`.

    Raises:
        ValueError: it is none of these.
    """
    if start in ("earliest", "latest"):
        return None
    moment = datetime.fromisoformat(start)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp() * 1000)
