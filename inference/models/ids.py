"""Maps columns of raw ids to rows of an embedding table, and back."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from transforms.columns.names import Names
from transforms.messages.id_kinds import INTEGER, TEXT

Int64s = npt.NDArray[np.int64]

_TABLE_SPREAD = 16
"""A lookup table is used for ids whose range is at most this many times their number."""

_ENDS = np.iinfo(np.int64)


class IdMap:
    """The rows of an embedding table that belong to raw ids.

    Args:
        ids: int64 [n], the raw id of each row, each id once. Row n is that of all other ids.
        names: the texts of the ids, where these are keys of texts; None for integers.

    Raises:
        ValueError: an id appears twice.
    """

    def __init__(self, ids: Int64s, names: Names | None = None) -> None:
        self.names = names
        """The texts of the ids; None for integers."""
        self.ids = np.ascontiguousarray(ids, np.int64)
        """int64 [n], the raw id of each row."""
        self._order = np.argsort(self.ids, kind="stable")
        self._sorted = self.ids[self._order]
        if (self._sorted[1:] == self._sorted[:-1]).any():
            raise ValueError("an id has two rows")
        self._low = int(self._sorted[0]) if len(ids) else 0
        self._table = self._dense()

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def unknown(self) -> int:
        """The row of ids that have no row of their own: the last."""
        return len(self.ids)

    @property
    def kind(self) -> str:
        """INTEGER or TEXT."""
        return INTEGER if self.names is None else TEXT

    def _dense(self) -> Int64s | None:
        if not len(self.ids):
            return None
        high = int(self._sorted[-1])
        span = high - self._low + 1
        # The table has one more entry at either end, so that clipped ids map to `unknown`. An id at
        # an end of int64 leaves no room for that entry.
        if span > _TABLE_SPREAD * len(self.ids) or self._low == _ENDS.min or high == _ENDS.max:
            return None
        table = np.full(span + 2, self.unknown, np.int64)
        table[self.ids - self._low + 1] = np.arange(len(self.ids))
        return table

    def rows(self, ids: Int64s) -> Int64s:
        """The row of each id of an array of any shape; `unknown` for ids without a row."""
        if not len(self.ids):
            return np.zeros(ids.shape, np.int64)
        if self._table is not None:
            # Clipping comes before subtracting, which would overflow near the ends of int64.
            near = np.clip(ids, self._low - 1, self._low + len(self._table) - 2)
            return self._table[near - (self._low - 1)]
        at = np.minimum(np.searchsorted(self._sorted, ids), len(self.ids) - 1)
        return np.where(self._sorted[at] == ids, self._order[at], self.unknown)
