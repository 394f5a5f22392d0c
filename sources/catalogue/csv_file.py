"""A catalogue in a CSV file: its header, its rows, and lines that are none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, NamedTuple, cast

import numpy as np
import pyarrow as pa
import pyarrow.csv as pcsv

from sources.catalogue.malformed import NO_LETTERS, letters_of
from sources.catalogue.quotes import CountedLines, check_quotes
from sources.catalogue.rows import named
from sources.catalogue.texts import LimitedGzip, text_columns_of
from sources.errors import SourceError
from sources.files.magic import GZIP
from sources.files.plan import open_file
from transforms.messages.dead_letters import TOO_FEW, TOO_MANY, DeadLetterBatch
from transforms.messages.events import Bools

_DELIMITERS = (";", "\t", "|")
_MOST_HEADER = 1 << 20


class FileColumns(NamedTuple):
    """What a file has.

    Attributes:
        columns: arrays [n] of texts by part.
        is_utf8: bool [n], which rows have texts of UTF-8 alone.
        broken: what is no row.
    """

    columns: dict[str, pa.Array]
    is_utf8: Bools
    broken: DeadLetterBatch = NO_LETTERS


def read_csv(path: str, stream: IO[bytes], *, text_ids: bool) -> FileColumns:
    """The columns of an item, and the lines that have too many or too few fields.

    Args:
        path: the file, for errors.
        stream: its bytes, which may be gzipped.
        text_ids: whether items are texts.

    Raises:
        SourceError: it has no column `item`, is too large, or its quotes are not closed.
        pa.ArrowInvalid: it cannot be read.
    """
    text = _unpacked(path, stream)
    names = _names(path, _first_line(text))
    parts = parts_of(path, names)
    broken: list[tuple[str, str, str]] = []

    def skip(row: pcsv.InvalidRow) -> str:
        reason = TOO_MANY if row.actual_columns > row.expected_columns else TOO_FEW
        detail = f"{row.actual_columns} fields, not {row.expected_columns}"
        broken.append((reason, row.text, detail))
        return "skip"

    lines = CountedLines(text)

    def batches() -> Iterator[pa.RecordBatch]:
        yield from pcsv.open_csv(
            lines,
            read_options=pcsv.ReadOptions(column_names=names),
            parse_options=pcsv.ParseOptions(newlines_in_values=True, invalid_row_handler=skip),
            convert_options=pcsv.ConvertOptions(
                include_columns=list(parts.values()),
                column_types=dict.fromkeys(parts.values(), pa.binary()),
                strings_can_be_null=True,
                null_values=[""],
            ),
        )

    try:
        columns, is_utf8 = text_columns_of(path, batches(), parts)
    except pa.ArrowInvalid:
        if not lines.number:  # Arrow refuses what has no lines.
            none = {part: pa.array([], pa.string()) for part in parts}
            return FileColumns(none, np.ones(0, bool))
        # A row that is longer than Arrow's blocks; a quote that is not closed makes one.
        _check_quotes(path, names, parts["item"], text_ids=text_ids)
        raise
    if len(is_utf8) + len(broken) < lines.number:
        _check_quotes(path, names, parts["item"], text_ids=text_ids)
    if not broken:
        return FileColumns(columns, is_utf8)
    reasons, raw, details = zip(*broken, strict=True)
    return FileColumns(columns, is_utf8, letters_of([path] * len(broken), reasons, raw, details))


def parts_of(path: str, names: list[str]) -> dict[str, str]:
    """Which of a file's columns is which part of an item.

    Raises:
        SourceError: there is no `item`, or two columns have the same name.
    """
    parts = named(names)
    lowered = [name.strip().lower() for name in names]
    for name in parts.values():
        if lowered.count(name.strip().lower()) > 1:
            raise SourceError(
                f"--items {path} has two columns {name.strip()!r}: rename one of them"
            )
    if "item" not in parts:
        listed = ", ".join(names)[:200]
        signs = [
            sign for sign in _DELIMITERS for name in names if "item" in named(name.split(sign))
        ]
        hint = f"; the delimiter looks like {signs[0]!r}: write the file with ','" if signs else ""
        raise SourceError(
            f"--items {path} has no column 'item'; it has: {listed or 'nothing'}{hint}"
        )
    return parts


def _names(path: str, header: bytes) -> list[str]:
    if b"\r" in header.rstrip(b"\r\n"):
        raise SourceError(
            f"--items {path}: its lines end with a carriage return (CR) alone: save it with LF or "
            "CR LF"
        )
    if not header.strip():
        return []
    if len(header) < _MOST_HEADER and not header.endswith(b"\n"):
        header += b"\n"  # The file ends here.
    try:
        found: list[str] = pcsv.read_csv(pa.BufferReader(header)).column_names
    except pa.ArrowInvalid as error:
        raise SourceError(
            f"--items {path}: its first line names no columns, {header[:60]!r}: close its quotes, "
            f"and name the columns in one line of at most {_MOST_HEADER:,} bytes"
        ) from error
    return found


def _unpacked(path: str, stream: IO[bytes]) -> IO[bytes]:
    magic = stream.read(2)
    stream.seek(0)
    return cast("IO[bytes]", LimitedGzip(path, stream)) if magic == GZIP else stream


def _check_quotes(path: str, names: list[str], item: str, *, text_ids: bool) -> None:
    with open_file(path) as stream:
        text = _unpacked(path, stream)
        _first_line(text)
        check_quotes(path, text, names, item, text_ids=text_ids)


def _first_line(text: IO[bytes]) -> bytes:
    line: bytes = text.readline(_MOST_HEADER)
    return line.removeprefix(b"\xef\xbb\xbf")
