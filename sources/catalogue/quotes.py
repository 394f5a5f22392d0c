"""Quoted texts of a CSV catalogue that hold line ends: right ones, and those that hide rows."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from typing import IO, cast

import numpy as np

from sources.errors import SourceError
from sources.files.blocks import MAX_LINE

_LF, _CR = 10, 13
_LINE_END = re.compile(r"[\r\n]+")


class CountedLines(io.RawIOBase):
    """Bytes of a stream as they are; counts the lines that are not empty.

    Args:
        stream: it stands at the beginning of a line.

    Attributes:
        number: lines so far that are not empty. A file in which no text holds a line end has as
            many rows.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._after_end = True
        self.number = 0

    def readable(self) -> bool:
        """Yes."""
        return True

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        part = self._stream.read(size)
        if part:
            letters = np.frombuffer(part, np.uint8)
            ends = (letters == _LF) | (letters == _CR)
            self.number += int((ends[:-1] & ~ends[1:]).sum()) + (self._after_end and not ends[0])
            self._after_end = bool(ends[-1])
        return part


def check_quotes(
    path: str, stream: IO[bytes], names: Sequence[str], item: str, *, text_ids: bool
) -> None:
    """Refuses a file in which a quote that is not closed makes rows the text of another row.

    Slow: it is for files with fewer rows than lines. Quotes are read as RFC 4180 has them.

    Args:
        path: the file, for the error.
        stream: its rows, without the header.
        names: the columns' names.
        item: which of them has the items.
        text_ids: whether items are texts.

    Raises:
        SourceError: quotes are not as they should be, or a text holds a line that is a row.
    """
    place, line = list(names).index(item), 1
    text = io.TextIOWrapper(cast("io.BufferedReader", stream), "latin-1", newline="")
    rows = csv.reader(_lines(path, text), strict=True)
    try:
        for row in rows:
            begin, line = line + 1, rows.line_num + 1
            for inner in _inner_lines(row) if line > begin else ():
                fields = inner.split(",")
                if len(fields) == len(names) and _is_item(fields[place], text_ids=text_ids):
                    raise SourceError(
                        f"--items {path}: a quoted text of line {begin} holds a line that looks "
                        f"like a row, {inner[:60]!r}: close its quote, or write the text in one "
                        "line"
                    )
    except csv.Error as error:
        if "field limit" in str(error) and rows.line_num == line:
            raise SourceError(
                f"--items {path}: a field of line {line + 1} is longer than "
                f"{csv.field_size_limit():,} bytes: shorten it"
            ) from error
        raise SourceError(
            f"--items {path}: a quote that opens in line {line + 1} is not closed, or a quote "
            f'within a text is not doubled ({error}): close it, or write ""'
        ) from error


def _lines(path: str, text: io.TextIOWrapper) -> Iterator[str]:
    """The lines, none of them longer than an event's may be."""
    number = 2
    while line := text.readline(MAX_LINE + 2):
        if len(line.rstrip("\r\n")) > MAX_LINE:
            raise SourceError(
                f"--items {path}: line {number} is longer than {MAX_LINE:,} bytes: shorten its "
                "texts"
            )
        yield line
        number += 1


def _inner_lines(row: Sequence[str]) -> list[str]:
    return [line for field in row for line in _LINE_END.split(field)[1:]]


def _is_item(text: str, *, text_ids: bool) -> bool:
    text = text.strip()
    return bool(text) if text_ids else text.lstrip("+-").isdecimal()
