"""Looks through text files before DuckDB reads them: quotes, and lines that are too long.

DuckDB skips a line that does not fit into its buffers without counting it. Such lines are counted
here, and DuckDB reads a copy without them. Memory does not depend on the length of a line.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from training.datasets.raw_files import RawLogError


@dataclass(frozen=True, slots=True)
class TextScan:
    """What a text file holds.

    Attributes:
        quotes: whether it has a double quote.
        too_long: lines that are too long.
    """

    quotes: bool
    too_long: int


def scan(path: Path, max_line: int) -> TextScan:
    """Reads a file once.

    Args:
        path: a text file, gzipped if its name ends in .gz.
        max_line: bytes of a line, its end not included; a longer one is too long.

    Raises:
        RawLogError: it cannot be read to its end.
    """
    quotes, too_long, length = False, 0, 0
    with _opened(path) as file:
        # A line that lies within one block cannot be too long.
        while block := file.read(max_line):
            quotes = quotes or b'"' in block
            first = block.find(b"\n")
            if first < 0:
                length += len(block)
                continue
            too_long += length + first > max_line
            length = len(block) - block.rfind(b"\n") - 1
    return TextScan(quotes, too_long + (length > max_line))


def copy_without_long_lines(path: Path, target: Path, max_line: int) -> None:
    """Writes the lines of a file that are not too long; arguments as of `scan`."""
    with _opened(path) as file, target.open("wb") as copy:
        start = b""
        while line := file.readline(max_line + 1):
            if line.endswith(b"\n") or len(line) <= max_line:
                if not start:
                    copy.write(line)
                start = b""
            else:
                start = line  # The start of a line that is too long, or its next piece.


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            yield cast(BinaryIO, file)
    except (OSError, EOFError, zlib.error) as error:
        raise RawLogError(f"{path}: cannot be read: {error}") from error
