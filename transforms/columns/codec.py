"""Encodes columns as bytes: the wire and state format of all batches.

- Integers: the smallest value (the base) and unsigned offsets from it, in 1, 2, 4 or 8 bytes,
  whichever holds the largest offset. Equal values need no offsets.
- Booleans: one bit each.
- Floats with at most one value beside 0, such as the propensities of a deterministic policy:
  that value and one bit each. Other floats are written unchanged.
- Byte strings of up to 255 bytes are written unchanged.

An event of a 20 s pane takes 10 bytes in this format and 25 bytes unencoded. A compressor would
save little more and cost far more time.

Layout (little-endian): u8 format version, u8 number of columns. Then for each column: u8 dtype
code, u8 width of a value in bytes (0 for one bit, or for no offsets), u8 number of dimensions,
u32 for each dimension, the base (i64 for integers, f64 for floats of width 0), the values.
Format 1 has no widths of 0; it can be read.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Column = npt.NDArray[Any]
Buffer = bytes | memoryview

FORMAT_VERSION = 2
READABLE = (1, 2)
"""Versions of the format that can be read."""

_DTYPES: tuple[np.dtype[Any], ...] = tuple(
    np.dtype(name) for name in ("i8", "i4", "i1", "f4", "f8", "?", "S")
)
_CODES = {(dtype.kind, dtype.itemsize): code for code, dtype in enumerate(_DTYPES)}
_BYTES = _DTYPES.index(np.dtype("S"))
_UNSIGNED: dict[int, np.dtype[Any]] = {
    1: np.dtype("<u1"),
    2: np.dtype("<u2"),
    4: np.dtype("<u4"),
    8: np.dtype("<u8"),
}
_HEADER = struct.Struct("<BB")
_COLUMN = struct.Struct("<BBB")
_INTEGER = struct.Struct("<q")
_FLOAT = struct.Struct("<d")


class ColumnFormatError(ValueError):
    """The bytes are of an unknown version of the format, or incomplete."""


def _width(span: int) -> int:
    if not span:
        return 0
    return 1 if span < 1 << 8 else 2 if span < 1 << 16 else 4 if span < 1 << 32 else 8


def write_columns(columns: Sequence[Column]) -> bytes:
    """Encodes columns of any shapes.

    Raises:
        KeyError: a column's dtype is not one of int64, int32, int8, float32, float64, bool, bytes.
        struct.error: byte strings are longer than 255 bytes.
    """
    parts: list[Buffer] = [_HEADER.pack(FORMAT_VERSION, len(columns))]
    for column in columns:
        kind = column.dtype.kind
        code = _CODES[kind, 0 if kind == "S" else column.itemsize]
        width, body = _BODIES[kind](column)
        parts.append(_COLUMN.pack(code, width, column.ndim))
        parts.append(struct.pack(f"<{column.ndim}I", *column.shape))
        parts += body
    return b"".join(parts)


def _integers(column: Column) -> tuple[int, list[Buffer]]:
    base, top = (int(column.min()), int(column.max())) if column.size else (0, 0)
    width = _width(top - base)
    if not width:
        return 0, [_INTEGER.pack(base)]
    offsets: Column = np.empty(column.shape, _UNSIGNED[width])
    # Differences wrap around in 64 bits, so that they are correct as unsigned numbers.
    np.subtract(column, np.int64(base), out=offsets, dtype=np.int64, casting="unsafe")
    return width, [_INTEGER.pack(base), offsets.data.cast("B") if offsets.size else b""]


def _booleans(column: Column) -> tuple[int, list[Buffer]]:
    return 0, [np.packbits(column).tobytes()]


def _floats(column: Column) -> tuple[int, list[Buffer]]:
    value = column.flat[column.argmax()] if column.size else column.dtype.type(0)
    is_value = column == value
    # Compares bytes: -0.0 equals 0.0 and NaN does not equal itself. Such columns are written raw.
    if np.where(is_value, value, column.dtype.type(0)).tobytes() != column.tobytes():
        return column.itemsize, [column.tobytes()]
    return 0, [_FLOAT.pack(value), np.packbits(is_value).tobytes()]


def _raw(column: Column) -> tuple[int, list[Buffer]]:
    return column.itemsize, [column.tobytes()]


_BODIES = {"i": _integers, "b": _booleans, "f": _floats, "S": _raw}


def read_columns(encoded: Buffer) -> list[Column]:
    """Decodes the columns that `write_columns` wrote, in any of the `READABLE` versions.

    Raises:
        ColumnFormatError: the bytes are of another version of the format, or incomplete.
    """
    return [column.values() for column in find_columns(encoded)]


def find_columns(encoded: Buffer) -> list[EncodedColumn]:
    """Finds the columns that `write_columns` wrote, without decoding them.

    Raises:
        ColumnFormatError: the bytes are of another version of the format, or incomplete.
    """
    try:
        version, count = _HEADER.unpack_from(encoded, 0)
        if version not in READABLE:
            raise ColumnFormatError(
                f"columns of format {version} where {READABLE[0]} to {READABLE[-1]} are known: "
                "this state or message was written by another version of Rivulet"
            )
        at = _HEADER.size
        columns: list[EncodedColumn] = []
        for _ in range(count):
            columns.append(_find_column(encoded, at))
            at = columns[-1].end
    except (struct.error, IndexError) as error:
        raise ColumnFormatError(f"columns are cut short: {error}") from error
    return columns


@dataclass(frozen=True, slots=True, eq=False)
class EncodedColumn:
    """Where a column's values are in the bytes.

    Attributes:
        encoded: the bytes of all columns.
        at: where the values start.
        end: where they end.
        shape: of the column.
        dtype: of the column.
        width: bytes of a value; 0 for one bit, or for no offsets.
        base: what is added to offsets; the value of floats of width 0.
    """

    encoded: Buffer
    at: int
    end: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    width: int
    base: float

    @property
    def size(self) -> int:
        """Number of values."""
        return math.prod(self.shape)

    def offsets(self) -> Column | None:
        """The unsigned offsets of integers, as a view of the bytes; None where all are equal."""
        if not self.width:
            return None
        flat: Column = np.frombuffer(self.encoded, _UNSIGNED[self.width], self.size, self.at)
        return flat.reshape(self.shape)

    def values(self) -> Column:
        """The values as a new array."""
        return self._flat().reshape(self.shape)

    def _flat(self) -> Column:
        encoded, at, size, dtype = self.encoded, self.at, self.size, self.dtype
        if dtype.kind == "i":
            offsets = self.offsets()
            if offsets is None:
                return np.full(size, self.base, dtype)
            values: Column = np.add(offsets, np.int64(self.base), dtype=np.int64, casting="unsafe")
            return values.astype(dtype, copy=False)
        if self.width or dtype.kind == "S":
            return np.frombuffer(encoded, dtype.newbyteorder("<"), size, at).astype(dtype)
        bits = np.unpackbits(np.frombuffer(encoded, np.uint8, self.end - at, at), count=size)
        return bits.view(bool) if dtype.kind == "b" else bits.astype(dtype) * dtype.type(self.base)


def _find_column(encoded: Buffer, at: int) -> EncodedColumn:
    code, width, dimensions = _COLUMN.unpack_from(encoded, at)
    at += _COLUMN.size
    shape = struct.unpack_from(f"<{dimensions}I", encoded, at)
    at += 4 * dimensions
    size = math.prod(shape)
    dtype = np.dtype(f"S{width}") if code == _BYTES else _DTYPES[code]
    base: float = 0
    if dtype.kind == "i" or (dtype.kind == "f" and not width):
        form = _INTEGER if dtype.kind == "i" else _FLOAT
        (base,) = form.unpack_from(encoded, at)
        at += form.size
    end = at + (size * width if width or dtype.kind in "iS" else -(-size // 8))
    if end > len(encoded):
        raise ColumnFormatError(f"columns are cut short: {len(encoded)} bytes of {end}")
    return EncodedColumn(encoded, at, end, shape, dtype, width, base)
