"""What a user says about the input: the options, their checks, and the errors' words."""

from __future__ import annotations

import argparse

from apache_beam.options.pipeline_options import PipelineOptions

from sources.errors import SourceError
from sources.layout import EXAMPLE, Layout


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
