"""Files before they are read: which there are, their formats, and how they are split."""

from __future__ import annotations

import codecs
import gzip
import stat
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

import pyarrow as pa
import pyarrow.parquet as pq
from apache_beam.io.filesystem import BeamIOError, CompressionTypes
from apache_beam.io.filesystems import FileSystems

from sources.errors import SourceError
from sources.files.magic import GZIP, PARQUET
from sources.files.parquet_columns import check_schema
from sources.parsing.layout import Layout, header_layout, is_header

if TYPE_CHECKING:
    from sources.schema.lines import SchemaLines
    from sources.schema.schema import Schema

RANGE_BYTES = 64 << 20
"""Bytes of a range of an uncompressed CSV file, and about those of a range of row groups."""

UNREADABLE = (OSError, EOFError, zlib.error)
"""What is raised for a file that cannot be read, or a gzipped one that is broken."""

_LONGEST_HEADER = 1 << 20
_UNREAD = {b"BZh": "bzip2", b"\x28\xb5\x2f\xfd": "Zstandard", b"PK\x03\x04": "zip"}


@dataclass(frozen=True)
class FileRange:
    """A part of a file that one worker reads.

    Attributes:
        path: the file.
        kind: `csv` (any lines), `gzip` or `parquet`.
        start: first byte (csv), bytes to skip (gzip), first row group (parquet).
        stop: one past the last byte or row group; -1 for all to the end (gzip).
        layout: the fields of a line; None for Parquet, which names its columns, and with a
            schema.
        lines: reads the lines as a schema says; None without one, and for Parquet.
        schema: what Parquet's columns mean; None without one.
    """

    path: str
    kind: str
    start: int
    stop: int
    layout: Layout | None
    lines: SchemaLines | None = None
    schema: Schema | None = None


def open_file(path: str) -> IO[bytes]:
    """The file's bytes as they are stored, through Beam's filesystems."""
    stream: IO[bytes] = FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED)
    return stream


def unzipped(stream: IO[bytes]) -> IO[bytes]:
    """The text of a gzipped stream, unpacked as it is read."""
    return cast("IO[bytes]", gzip.GzipFile(fileobj=stream))


def plan(
    pattern: str,
    columns: list[str] | None,
    range_bytes: int = RANGE_BYTES,
    schema: Schema | None = None,
) -> list[FileRange]:
    """The ranges to read for a path or a glob, in the files' order.

    Args:
        pattern: what `--input` says.
        columns: the columns' names where the files have no header, else None.
        range_bytes: about how much a range of a CSV or a Parquet file holds.
        schema: what the columns mean; None: they have an event's own names.

    Raises:
        SourceError: there is no such file, or a file cannot be read as asked.
    """
    ranges: list[FileRange] = []
    for path, size in match(pattern):
        check_regular(path)
        try:
            ranges += _plan_file(path, size, columns, range_bytes, schema)
        except UNREADABLE as error:
            raise SourceError(f"{path} cannot be read: {_words(error)}") from error
    return ranges


def match(pattern: str) -> list[tuple[str, int]]:
    """The files that a path or a glob names, with their sizes in bytes, by path.

    Raises:
        SourceError: there are none, or the filesystem does not answer.
    """
    try:
        found = FileSystems.match([pattern])[0].metadata_list
    except (BeamIOError, ValueError, OSError) as error:
        raise SourceError(f"--input {pattern} cannot be looked at: {_words(error)}") from error
    if not found:
        raise SourceError(f"--input {pattern}: there is no such file")
    files = [(meta.path, meta.size_in_bytes) for meta in found if not Path(meta.path).is_dir()]
    if not files:
        raise SourceError(f"--input {pattern} is a folder: give a glob, as in {pattern}/*.csv")
    return sorted(files)


def check_regular(path: str, how: str = "in ranges") -> None:
    """Refuses local pipes and devices: ranges of a file are read by several workers.

    Args:
        path: the file.
        how: how it is read, for the error.

    Raises:
        SourceError: the path is one.
    """
    try:
        mode = Path(path).stat().st_mode
    except (OSError, ValueError):
        return  # Not on this machine; an error is reported when it is opened.
    if not stat.S_ISREG(mode):
        kind = "a pipe" if stat.S_ISFIFO(mode) else "a device"
        raise SourceError(
            f"{path} is {kind}, which cannot be read {how}: write it to a file first, or "
            "send it to a Kafka topic"
        )


def _plan_file(
    path: str, size: int, columns: list[str] | None, range_bytes: int, schema: Schema | None
) -> Iterator[FileRange]:
    with open_file(path) as stream:
        magic = stream.read(4)
        stream.seek(0)
        for begin, name in _UNREAD.items():
            if magic.startswith(begin):
                raise SourceError(f"{path} is a {name} file: CSV, CSV gzipped or Parquet is read")
        if magic == PARQUET:
            yield from _plan_parquet(path, stream, range_bytes, schema)
        elif magic.startswith(GZIP):
            with unzipped(stream) as text:
                layout, lines, first = _look_at_first_line(path, text, columns, schema)
            if layout or lines:
                yield FileRange(path, "gzip", first, -1, layout, lines)
        else:
            layout, lines, first = _look_at_first_line(path, stream, columns, schema)
            for start in range(first, size, range_bytes) if layout or lines else ():
                stop = min(start + range_bytes, size)
                yield FileRange(path, "csv", start, stop, layout, lines)


def _look_at_first_line(
    path: str, stream: IO[bytes], columns: list[str] | None, schema: Schema | None
) -> tuple[Layout | None, SchemaLines | None, int]:
    """The fields of the file's lines (None if it is empty) and the offset of the first event."""
    line = stream.readline(_LONGEST_HEADER + 1)
    if len(line) > _LONGEST_HEADER and columns is None and (schema is None or schema.header):
        raise SourceError(
            f"{path}: the first line, which should name the columns, is longer than "
            f"{_LONGEST_HEADER} bytes"
        )
    begin = len(codecs.BOM_UTF8) if line.startswith(codecs.BOM_UTF8) else 0
    first = line[begin:].rstrip(b"\r\n")
    if not line:
        return None, None, 0
    if schema is not None:
        # Imported for those who have a schema.
        from sources.schema.lines import lines_of

        lines = lines_of(schema, first, path)
        return None, lines, len(line) if lines.has_header else 0
    if columns is None:
        return header_layout(first, path), None, len(line)
    return Layout.of(columns, "--columns"), None, len(line) if is_header(first) else 0


def _plan_parquet(
    path: str, stream: IO[bytes], range_bytes: int, schema: Schema | None
) -> Iterator[FileRange]:
    try:
        file = pq.ParquetFile(stream)
    except pa.ArrowInvalid as error:
        raise SourceError(f"{path} is a broken Parquet file: {_words(error)}") from error
    if schema is None:
        check_schema(file.schema_arrow, path)
    else:
        from sources.schema.parquet import check_columns

        check_columns(file.schema_arrow, schema, path)
    start = held = 0
    for group in range(file.num_row_groups):
        held += file.metadata.row_group(group).total_byte_size
        if held >= range_bytes or group == file.num_row_groups - 1:
            yield FileRange(path, "parquet", start, group + 1, None, None, schema)
            start, held = group + 1, 0


def _words(error: Exception) -> str:
    """A library's error in one line."""
    return str(error).replace("\n", " ").strip() or type(error).__name__
