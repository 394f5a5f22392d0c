"""Packs several columns of integers into one sort key.

A key holds each column's offset from the column's smallest value, side by side in 64 bits, the
first column in the highest bits. Sorting the keys is about ten times as fast as a lexsort of the
columns. Columns that do not fit in 64 bits are sorted by lexsort.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from transforms.columns.codec import Column

Int64s = npt.NDArray[np.int64]
Uint64s = npt.NDArray[np.uint64]
_KEY_BITS = 64


@dataclass(frozen=True, slots=True, eq=False)
class Packed:
    """Columns packed into keys, which sort as the rows do.

    Attributes:
        key: uint64 [n].
        bases: each column's smallest value.
        bits: each column's width in the key.
    """

    key: Uint64s
    bases: tuple[int, ...]
    bits: tuple[int, ...]

    def columns(self, key: Uint64s) -> list[Int64s]:
        """Unpacks keys.

        Args:
            key: uint64 [m], some of the keys.

        Returns:
            The columns, each int64 [m].
        """
        found: list[Int64s] = []
        rest = key
        for base, bits in zip(reversed(self.bases), reversed(self.bits), strict=True):
            part = rest & np.uint64((1 << bits) - 1)
            # Negative numbers wrap around in 64 bits, here as in `pack`.
            found.append((part + np.uint64(base & (1 << 64) - 1)).view(np.int64))
            rest = rest >> np.uint64(bits) if bits < _KEY_BITS else np.zeros_like(rest)
        return found[::-1]


def pack(*columns: Column, spare: int = 0) -> Packed | None:
    """Packs columns; None if they do not fit.

    Args:
        columns: of integers, of one length, not empty; rows sort by the first one first.
        spare: highest bits of the key to leave free.
    """
    bases = tuple(int(column.min()) for column in columns)
    tops = (int(column.max()) for column in columns)
    bits = tuple((top - base).bit_length() for base, top in zip(bases, tops, strict=True))
    if sum(bits) + spare > _KEY_BITS:
        return None
    key = np.zeros(len(columns[0]), np.uint64)
    for column, base, width in zip(columns, bases, bits, strict=True):
        if width:
            if width < _KEY_BITS:
                key <<= np.uint64(width)
            key |= (column.astype(np.int64, copy=False) - np.int64(base)).view(np.uint64)
    return Packed(key, bases, bits)


def order(*columns: Column) -> Int64s:
    """The row numbers (int64 [n]) sorted by the columns, the first one first; a stable sort."""
    size = len(columns[0])
    if size < 2:
        return np.arange(size)
    place = (size - 1).bit_length()
    packed = pack(*columns, spare=place)
    if packed is None:
        return np.lexsort(columns[::-1])
    key = packed.key
    key <<= np.uint64(place)
    key |= np.arange(size, dtype=np.uint64)
    key.sort()
    key &= np.uint64((1 << place) - 1)
    return key.view(np.int64)
