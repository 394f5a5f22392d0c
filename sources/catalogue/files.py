"""A catalogue in a file: CSV with a header (also gzipped), or Parquet."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import IO

import numpy as np
import pyarrow as pa
import pyarrow.csv as pcsv
import pyarrow.parquet as pq
from apache_beam.io.filesystem import BeamIOError
from apache_beam.io.filesystems import FileSystems

from sources.catalogue.malformed import NO_LETTERS, joined, letters_of
from sources.catalogue.quotes import CountedLines, check_quotes
from sources.catalogue.rows import ItemRows, item_rows, named
from sources.errors import SourceError
from sources.files.plan import UNREADABLE, check_regular, open_file, unzipped
from transforms.messages.dead_letters import TOO_FEW, TOO_MANY, DeadLetterBatch
from transforms.messages.events import Bools

MAX_BYTES = 4 << 30
"""Largest file, in bytes."""

MAX_ROWS = 20_000_000
"""Most rows of a file."""

MOST_MALFORMED = 0.5
"""A file of which a larger share of the rows is malformed is refused."""


@dataclass(frozen=True, slots=True)
class FileVersion:
    """What tells one content of a file from another.

    Attributes:
        modified: time of the last change, in seconds since the epoch.
        size: bytes.
    """

    modified: float
    size: int


def version_of(path: str) -> FileVersion:
    """The file as it is now.

    Raises:
        SourceError: it is not there, or too large.
    """
    try:
        found = FileSystems.match([path])[0].metadata_list
    except (BeamIOError, ValueError, OSError) as error:
        raise SourceError(f"--items {path} cannot be looked at: {error}") from error
    if len(found) != 1:
        what = "there is no such file" if not found else "it names several files: give one"
        raise SourceError(f"--items {path}: {what}")
    if found[0].size_in_bytes > MAX_BYTES:
        raise SourceError(f"--items {path}: it is larger than {MAX_BYTES:,} bytes")
    return FileVersion(found[0].last_updated_in_seconds or 0.0, found[0].size_in_bytes)


def read_items(path: str, *, text_ids: bool = False) -> ItemRows:
    """The rows of a catalogue file, in the file's order.

    Raises:
        SourceError: it cannot be read, has no column `item`, or is mostly malformed.
    """
    check_regular(path, "again")
    try:
        with open_file(path) as stream:
            table, broken = _read(path, stream, text_ids=text_ids)
    except SourceError:
        raise
    except UnicodeDecodeError as error:
        raise SourceError(
            f"--items {path}: its first line is not UTF-8: save it as UTF-8"
        ) from error
    except (*UNREADABLE, pa.ArrowException, ValueError) as error:
        raise SourceError(f"--items {path} cannot be read: {_line(error)}") from error
    if table.num_rows > MAX_ROWS:
        raise SourceError(f"--items {path}: it has more than {MAX_ROWS:,} rows")
    columns, is_utf8 = {}, np.ones(table.num_rows, bool)
    for name in table.column_names:
        try:
            columns[name] = _texts(table.column(name), is_utf8)
        except (pa.ArrowException, ValueError) as error:
            raise SourceError(
                f"--items {path}: the column of {name} has the type {table[name].type}: it must "
                "hold texts, numbers, times or true and false"
            ) from error

    def origin(places: list[int]) -> tuple[list[str], list[str]]:
        chosen = pa.table(columns).take(pa.array(places, pa.int64())).to_pylist()
        return [f"{path}:row {place}" for place in places], [json.dumps(row) for row in chosen]

    rows = item_rows(columns, table.num_rows, text_ids=text_ids, origin=origin, is_utf8=is_utf8)
    malformed = rows.malformed + len(broken)
    if malformed > MOST_MALFORMED * (len(rows) + malformed):
        kind = "a text of 1 to 256 bytes" if text_ids else "a whole number of 64 bits"
        raise SourceError(
            f"--items {path}: {malformed:,} of {len(rows) + malformed:,} rows are malformed; an "
            f"item must be {kind}, available true or false, price a number, updated and created "
            "seconds since the epoch or ISO times"
        )
    return replace(rows, letters=joined((rows.letters, broken)))


def _read(path: str, stream: IO[bytes], *, text_ids: bool) -> tuple[pa.Table, DeadLetterBatch]:
    """The columns of an item as a table, and the lines that have too many or too few fields."""
    magic = stream.read(4)
    stream.seek(0)
    if magic == b"PAR1":
        file = pq.ParquetFile(stream)
        parts = _parts(path, file.schema_arrow.names)
        return file.read(list(parts.values())).rename_columns(list(parts)), NO_LETTERS
    text = _unpacked(stream)
    broken: list[tuple[str, str, str]] = []

    def skip(row: pcsv.InvalidRow) -> str:
        reason = TOO_MANY if row.actual_columns > row.expected_columns else TOO_FEW
        detail = f"{row.actual_columns} fields, not {row.expected_columns}"
        broken.append((reason, row.text, detail))
        return "skip"

    header = _first_line(text)
    names = pcsv.read_csv(pa.BufferReader(header)).column_names if header.strip() else []
    parts = _parts(path, names)
    options = pcsv.ConvertOptions(
        include_columns=list(parts.values()),
        column_types=dict.fromkeys(parts.values(), pa.binary()),
        strings_can_be_null=True,
        null_values=[""],
    )
    lines = CountedLines(text)
    try:
        table = pcsv.read_csv(
            lines,
            read_options=pcsv.ReadOptions(column_names=names),
            parse_options=pcsv.ParseOptions(newlines_in_values=True, invalid_row_handler=skip),
            convert_options=options,
        )
    except pa.ArrowInvalid:
        # A row that is longer than Arrow's blocks; a quote that is not closed makes one.
        _check_quotes(path, names, parts["item"], text_ids=text_ids)
        raise
    if table.num_rows + len(broken) < lines.number:
        _check_quotes(path, names, parts["item"], text_ids=text_ids)
    if not broken:
        return table.rename_columns(list(parts)), NO_LETTERS
    reasons, raw, details = zip(*broken, strict=True)
    letters = letters_of([path] * len(broken), reasons, raw, details)
    return table.rename_columns(list(parts)), letters


def _unpacked(stream: IO[bytes]) -> IO[bytes]:
    magic = stream.read(2)
    stream.seek(0)
    return unzipped(stream) if magic == b"\x1f\x8b" else stream


def _check_quotes(path: str, names: list[str], item: str, *, text_ids: bool) -> None:
    with open_file(path) as stream:
        text = _unpacked(stream)
        _first_line(text)
        check_quotes(path, text, names, item, text_ids=text_ids)


def _first_line(text: IO[bytes]) -> bytes:
    line: bytes = text.readline(1 << 20)
    return line.removeprefix(b"\xef\xbb\xbf")


def _parts(path: str, names: list[str]) -> dict[str, str]:
    parts = named(names)
    if "item" not in parts:
        listed = ", ".join(names)[:200]
        raise SourceError(f"--items {path} has no column 'item'; it has: {listed or 'nothing'}")
    return parts


def _texts(column: pa.ChunkedArray, is_utf8: Bools) -> pa.Array:
    """A column as texts; clears `is_utf8` where a value is none, which gets backslash escapes."""
    array = column.combine_chunks()
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], array.type)
    kind = array.type
    if pa.types.is_dictionary(kind):
        array = array.dictionary_decode()
        kind = array.type
    if pa.types.is_timestamp(kind):
        array = array.cast(pa.timestamp("s"), safe=False).cast(pa.int64())
    if pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
        array = array.cast(pa.binary())
    try:
        return array.cast(pa.string())
    except pa.ArrowInvalid:
        if not pa.types.is_binary(array.type):
            raise
    # Value by value: this is one file in many.
    texts = [None if value is None else _text_of(value) for value in array.to_pylist()]
    is_utf8 &= np.array([text is None or text[1] for text in texts])
    return pa.array([text and text[0] for text in texts], pa.string())


def _text_of(value: bytes) -> tuple[str, bool]:
    try:
        return value.decode(), True
    except UnicodeDecodeError:
        return value.decode("utf-8", "backslashreplace"), False


def _line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
