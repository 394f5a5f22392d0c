"""Columns that stay as they are encoded: rows are looked up and decoded one by one.

Integers take 1 to 8 bytes a value here, as in `codec`, and nothing is copied.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from transforms.columns.codec import Column, EncodedColumn

Int64s = npt.NDArray[np.int64]


class NarrowColumn:
    """An encoded column of which rows are read.

    Args:
        column: the column; its bytes must not change.
    """

    def __init__(self, column: EncodedColumn) -> None:
        self._column = column
        is_integers = column.dtype.kind == "i"
        self._offsets = column.offsets() if is_integers else column.values()
        self._base = np.int64(column.base) if is_integers else None

    def __len__(self) -> int:
        return self._column.shape[0]

    def take(self, rows: Int64s) -> Column:
        """The values at some rows, decoded."""
        column = self._column
        if self._offsets is None:
            return np.full((len(rows), *column.shape[1:]), column.base, column.dtype)
        found: Column = self._offsets[rows]
        if self._base is None:
            return found
        found = np.add(found, self._base, dtype=np.int64, casting="unsafe")
        return found.astype(column.dtype, copy=False)

    def ranges(self, wanted: Int64s) -> tuple[Int64s, Int64s]:
        """The rows that have each of some values, for an ascending column of int64.

        Args:
            wanted: int64 [n].

        Returns:
            First and end row of each value, int64 [n] each; an empty range where no row has it.
        """
        none = np.zeros(len(wanted), np.int64)
        if not len(self):
            return none, none
        offsets = np.zeros(len(self), np.uint8) if self._offsets is None else self._offsets
        # Values below the base wrap around to offsets above any that the column can have.
        offset = wanted.astype(np.uint64) - np.uint64(int(self._column.base) & (1 << 64) - 1)
        inside = offset <= np.uint64(offsets[-1])
        narrow = np.where(inside, offset, 0).astype(offsets.dtype)
        first = np.searchsorted(offsets, narrow, side="left")
        end = np.searchsorted(offsets, narrow, side="right")
        return np.where(inside, first, 0), np.where(inside, end, 0)
