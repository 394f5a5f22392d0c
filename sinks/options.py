"""Where the results go: the options."""

from __future__ import annotations

import argparse

from apache_beam.options.pipeline_options import PipelineOptions

from sinks.base import SinkError, StoreSource
from sinks.urls import DEFAULT_STORE, open_source

NOWHERE = "none"


class SinkOptions(PipelineOptions):
    """Where the results go."""

    @classmethod
    def _add_argparse_args(cls, parser: argparse.ArgumentParser) -> None:
        for name, what in (
            ("record", "the events"),
            ("popular", "the popular items"),
            ("recommendation", "the recommendations"),
        ):
            parser.add_argument(
                f"--{name}_sink",
                action="append",
                metavar="URL",
                help=f"store for {what}: an SQLAlchemy URL, mongodb:// or redis://, with "
                "${NAME} for secrets from the environment; can be given several times; "
                f"'{NOWHERE}' for nowhere (default: {DEFAULT_STORE})",
            )
        parser.add_argument(
            "--write_behind",
            type=int,
            default=3,
            metavar="SECONDS",
            help="in a stream whose recommendations go to Redis and to other stores too, the "
            "others get them when the watermark is so far past T, so that Redis, which serves "
            "them, does not wait for the rest; 0: at once (default: %(default)s)",
        )
        parser.add_argument(
            "--dead_letters",
            default="rivulet-dead-letters.jsonl",
            metavar="FILE",
            help="file for what could not be used: malformed lines, late events, rows that a "
            "store refused, a line of JSON each (default: %(default)s)",
        )

    def problems(self) -> list[str]:
        """What is wrong with the values, a line each."""
        if self.write_behind < 0:
            return [f"--write_behind is {self.write_behind}: it is 0 or more seconds"]
        try:
            for name in ("record", "popular", "recommendation"):
                self.sources(name)
        except SinkError as error:
            return [str(error)]
        return []

    def sources(self, name: str) -> list[StoreSource]:
        """The stores for records, popular items or recommendations.

        Args:
            name: record, popular or recommendation.

        Raises:
            SinkError: a URL is none of a store that Rivulet writes to.
        """
        urls = getattr(self, f"{name}_sink") or [DEFAULT_STORE]
        return [open_source(url) for url in dict.fromkeys(urls) if url != NOWHERE]
