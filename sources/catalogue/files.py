"""A catalogue in a file: CSV with a header (also gzipped), or Parquet."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import IO, Any

import pyarrow as pa
import pyarrow.csv as pcsv
import pyarrow.parquet as pq
from apache_beam.io.filesystem import BeamIOError
from apache_beam.io.filesystems import FileSystems

from sources.catalogue.rows import ItemRows, item_rows, named
from sources.errors import SourceError
from sources.files.plan import UNREADABLE, open_file, unzipped

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
    try:
        with open_file(path) as stream:
            table, broken = _read(path, stream)
    except (*UNREADABLE, pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise SourceError(f"--items {path} cannot be read: {_line(error)}") from error
    if table.num_rows > MAX_ROWS:
        raise SourceError(f"--items {path}: it has more than {MAX_ROWS:,} rows")
    columns = {name: _texts(table.column(name)) for name in table.column_names}
    rows = item_rows(columns, table.num_rows, text_ids=text_ids)
    malformed = rows.malformed + broken
    if malformed > MOST_MALFORMED * (len(rows) + malformed):
        kind = "a text of 1 to 256 bytes" if text_ids else "a whole number of 64 bits"
        raise SourceError(
            f"--items {path}: {malformed:,} of {len(rows) + malformed:,} rows are malformed; an "
            f"item must be {kind}, available true or false, price a number, updated and created "
            "seconds since the epoch or ISO times"
        )
    return replace(rows, malformed=malformed)


def _read(path: str, stream: IO[bytes]) -> tuple[pa.Table, int]:
    """The columns of an item as a table, and how many lines have too many or too few fields."""
    magic = stream.read(4)
    stream.seek(0)
    if magic == b"PAR1":
        file = pq.ParquetFile(stream)
        parts = _parts(path, file.schema_arrow.names)
        return file.read(list(parts.values())).rename_columns(list(parts)), 0
    text: Any = unzipped(stream) if magic.startswith(b"\x1f\x8b") else stream
    broken = 0

    def skip(_: Any) -> str:
        nonlocal broken
        broken += 1
        return "skip"

    header = _first_line(text)
    names = pcsv.read_csv(pa.BufferReader(header)).column_names if header.strip() else []
    parts = _parts(path, names)
    options = pcsv.ConvertOptions(
        include_columns=list(parts.values()),
        column_types=dict.fromkeys(parts.values(), pa.string()),
        strings_can_be_null=True,
        null_values=[""],
    )
    table = pcsv.read_csv(
        text,
        read_options=pcsv.ReadOptions(column_names=names),
        parse_options=pcsv.ParseOptions(newlines_in_values=True, invalid_row_handler=skip),
        convert_options=options,
    )
    return table.rename_columns(list(parts)), broken


def _first_line(text: IO[bytes]) -> bytes:
    line: bytes = text.readline(1 << 20)
    return line.removeprefix(b"\xef\xbb\xbf")


def _parts(path: str, names: list[str]) -> dict[str, str]:
    parts = named(names)
    if "item" not in parts:
        listed = ", ".join(names)[:200]
        raise SourceError(f"--items {path} has no column 'item'; it has: {listed or 'nothing'}")
    return parts


def _texts(column: pa.ChunkedArray) -> pa.Array:
    array = column.combine_chunks()
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], array.type)
    kind = array.type
    if pa.types.is_dictionary(kind):
        array = array.dictionary_decode()
    if pa.types.is_timestamp(kind):
        array = array.cast(pa.timestamp("s"), safe=False).cast(pa.int64())
    return array.cast(pa.string())


def _line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
