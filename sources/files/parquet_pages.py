"""The pages of Parquet's columns, by their headers: what they take when they are decompressed.

Arrow decompresses a page whole, whatever its size is then: 100 KB of a file may become gigabytes.
The sizes in a file's footer need not be true. Those in the headers of the pages are, as Arrow
allocates and decompresses as much as they say. A header is a struct of Thrift's compact protocol:
https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import IO, Any, NamedTuple

import numpy as np

from sources.errors import SourceError
from sources.parsing.malformed import Int64s

MAX_PAGE = 128 << 20
"""Bytes of a page. Writers aim at 1 MiB, and DuckDB at no more than 100 MB."""

BATCH_BYTES = 128 << 20
"""Bytes of the pages of a column that the rows of a batch are on."""

_HEADER_BYTES = 256
_LONGEST_HEADER = 1 << 20
_DATA, _DICTIONARY, _DATA_V2 = 0, 2, 3
_NUM_VALUES = {_DATA: 5, _DATA_V2: 8}
_TYPE, _UNCOMPRESSED, _COMPRESSED = 1, 2, 3
_DEEPEST = 8

_TRUE, _FALSE, _BYTE, _I16, _I32, _I64, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = range(1, 13)
_Fields = dict[int, Any]


class Page(NamedTuple):
    """A page.

    Attributes:
        values: its rows; 0 for a dictionary.
        size: its bytes when they are decompressed.
    """

    values: int
    size: int


def safe_batch_rows(
    stream: IO[bytes], path: str, metadata: Any, groups: Sequence[int], columns: Sequence[str]
) -> int | None:
    """How many rows may be read at a time, so that their values take a bounded memory.

    Where there is a limit, the texts are not to be read as dictionaries: those grow with each
    distinct text of a row group.

    Args:
        stream: the file.
        path: its name, for errors.
        metadata: Arrow's metadata of the file.
        groups: the row groups to read.
        columns: the names of the columns to read, none of which is nested.

    Returns:
        The rows, or None for any number.

    Raises:
        SourceError: a page is too large, or the pages are not as the footer says.
    """
    safe: int | None = None
    for name in columns:
        values, sizes = [], []
        for group in groups:
            row_group = metadata.row_group(group)
            for at in range(row_group.num_columns):
                column = row_group.column(at)
                if column.path_in_schema == name or column.path_in_schema.startswith(f"{name}."):
                    pages = _pages_of(stream, f"{path}: column '{name}'", column)
                    values += [page.values for page in pages]
                    sizes += [page.size for page in pages]
        fits = _rows_within(np.array(values, np.int64), np.array(sizes, np.int64))
        safe = fits if safe is None else min(safe, fits or safe)
    return safe


def _rows_within(values: Int64s, sizes: Int64s) -> int | None:
    ends = np.cumsum(values)
    begins = ends - values
    before = np.concatenate([[0], np.cumsum(sizes)])
    if before[-1] <= BATCH_BYTES:
        return None
    # Each value of a page may be a dictionary's longest.
    dictionary = max(int(sizes[values == 0].max(initial=0)), 1)
    most = max(BATCH_BYTES // dictionary, 1)
    rows = 1 << 15
    while rows > 1:
        # Rows that begin on a page, on its last row at worst, end on these.
        last = np.searchsorted(begins, ends - 1 + rows, "left")
        if int((before[last] - before[:-1]).max()) <= BATCH_BYTES:
            break
        rows >>= 3
    return min(rows, most)


def _pages_of(stream: IO[bytes], what: str, column: Any) -> list[Page]:
    found: list[Page] = []
    values = 0
    for page in _read_pages(stream, what, column):
        if page.size > MAX_PAGE:
            raise SourceError(
                f"{what} has a page of {page.size} bytes when it is decompressed; the limit is "
                f"{MAX_PAGE}: write the file with smaller pages"
            )
        found.append(page)
        values += page.values
    if values != column.num_values:
        raise SourceError(
            f"{what}: its pages hold {values} values, and the footer says {column.num_values}: "
            "the file is broken"
        )
    return found


def _read_pages(stream: IO[bytes], what: str, column: Any) -> Iterator[Page]:
    at = column.data_page_offset
    if column.has_dictionary_page and 0 < column.dictionary_page_offset < at:
        at = column.dictionary_page_offset
    stop = at + column.total_compressed_size
    left = column.num_values
    while left > 0 and at < stop:
        fields, size = _read_header(stream, at, what)
        kind = fields.get(_TYPE)
        compressed, uncompressed = fields.get(_COMPRESSED, -1), fields.get(_UNCOMPRESSED, -1)
        values = 0
        if kind in _NUM_VALUES:
            inner = fields.get(_NUM_VALUES[kind])
            values = inner.get(1, -1) if isinstance(inner, dict) else -1
        if min(compressed, uncompressed, values) < 0:
            raise SourceError(f"{what} has a page without a size: the file is broken")
        yield Page(values, uncompressed)
        at += size + compressed
        left -= values


def _read_header(stream: IO[bytes], at: int, what: str) -> tuple[_Fields, int]:
    """A page's header, and how many bytes it takes."""
    size = _HEADER_BYTES
    while size <= _LONGEST_HEADER:
        stream.seek(at)
        data = stream.read(size)
        try:
            return _struct(data, 0, 0)
        except IndexError:
            if len(data) < size:
                break
        except ValueError:
            break
        size *= 16
    raise SourceError(f"{what} has a page whose header cannot be read: the file is broken")


def _struct(data: bytes, at: int, depth: int) -> tuple[_Fields, int]:
    """The whole numbers and structs of a struct by their field numbers, and where it ends."""
    if depth > _DEEPEST:
        raise ValueError
    found: _Fields = {}
    number = 0
    while data[at]:
        delta, kind = data[at] >> 4, data[at] & 15
        at += 1
        if delta:
            number += delta
        else:
            number, at = _zigzag(data, at)
        if kind in (_TRUE, _FALSE):
            continue
        value, at = _value(data, at, kind, depth)
        found[number] = value
    return found, at + 1


def _value(data: bytes, at: int, kind: int, depth: int) -> tuple[Any, int]:
    if kind in (_I16, _I32, _I64):
        return _zigzag(data, at)
    if kind == _STRUCT:
        return _struct(data, at, depth + 1)
    if kind == _BINARY:
        size, at = _varint(data, at)
        end = at + size
    elif kind in (_BYTE, _DOUBLE):
        end = at + (1 if kind == _BYTE else 8)
    else:
        raise ValueError  # No header has lists, sets or maps.
    if end > len(data):
        raise IndexError
    return None, end


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for place in range(10):
        byte = data[at + place]
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return value, at + place + 1
    raise ValueError


def _zigzag(data: bytes, at: int) -> tuple[int, int]:
    value, at = _varint(data, at)
    return (value >> 1) ^ -(value & 1), at
