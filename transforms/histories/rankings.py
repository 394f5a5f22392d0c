"""Rankings of popular items as a shard keeps them, by window end."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from transforms.columns.id_names import IdNames
from transforms.columns.packing import order
from transforms.columns.ranges import run_starts
from transforms.messages.events import Int64s
from transforms.messages.popular import PopularRows


class Rankings:
    """Rankings of popular items, a row of a matrix per window.

    Args:
        rankings: rows of whole windows, in any order.
        size: largest number of items in a ranking.
    """

    def __init__(self, rankings: Sequence[PopularRows], size: int) -> None:
        none: Int64s = np.empty(0, np.int64)
        rows = PopularRows.concat(rankings) if rankings else PopularRows(none, none, none, none)
        rows = rows.take(order(rows.window_end, rows.rank))
        self._rows = rows
        starts = run_starts(rows.window_end)
        self._end = rows.window_end[starts]
        self._length = np.diff(np.append(starts, len(rows)))
        self._items = np.zeros((len(starts), size), np.int64)
        window = np.repeat(np.arange(len(starts)), self._length)
        self._items[window, rows.rank - 1] = rows.item

    @property
    def names(self) -> IdNames | None:
        """The texts of the items; None where they are integers."""
        return self._rows.names

    def at(self, times: Int64s) -> tuple[Int64s, Int64s, Int64s]:
        """The latest ranking whose window ended at or before each time.

        A window without events has no ranking; the latest one before it remains in use.

        Returns:
            index: int64 [n], the time's row in the next two, -1 for none.
            items: int64 [p, size], best first, padded with 0.
            length: int64 [p], how many of `items` are valid.
        """
        window = np.searchsorted(self._end, times, side="right") - 1
        used = np.zeros(len(self._end) + 1, bool)
        used[window] = True  # Window -1, for none, is the last element.
        index = np.cumsum(used) - 1
        index[-1] = -1
        used = used[:-1]
        return index[window], self._items[used], self._length[used]

    def needed_after(self, time: int) -> PopularRows:
        """The rankings that times after `time` use: the latest one at `time`, and later ones."""
        latest = int(np.searchsorted(self._end, time, side="right")) - 1
        if latest < 0:
            return self._rows
        return self._rows.take(self._rows.window_end >= self._end[latest])
