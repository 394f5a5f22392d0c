"""The rankings of popular items that a shard was told, by window end."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from transforms.columns.packing import order
from transforms.columns.ranges import run_starts
from transforms.messages.events import Int64s
from transforms.messages.popular import PopularRows


class Rankings:
    """Rankings as a matrix, a row per window.

    Args:
        told: rows of rankings in any order; whole windows.
        size: items in a ranking at the most.
    """

    def __init__(self, told: Sequence[PopularRows], size: int) -> None:
        self._size = size
        none: Int64s = np.empty(0, np.int64)
        rows = PopularRows.concat(told) if told else PopularRows(none, none, none, none)
        rows = rows.take(order(rows.window_end, rows.rank))
        self._rows = rows
        starts = run_starts(rows.window_end)
        self._end = rows.window_end[starts]
        self._length = np.diff(np.append(starts, len(rows)))
        self._items = np.zeros((len(starts), size), np.int64)
        window = np.repeat(np.arange(len(starts)), self._length)
        self._items[window, rows.rank - 1] = rows.item

    def at(self, times: Int64s) -> tuple[Int64s, Int64s, Int64s]:
        """The latest ranking whose window closed at or before each time.

        Windows with no event have no ranking, so that the latest one that was given stands.

        Returns:
            chosen: int64 [n], the time's row in the next two, -1 for none.
            items: int64 [p, size], best first, padded with 0.
            length: int64 [p].
        """
        place = np.searchsorted(self._end, times, side="right") - 1
        used = np.zeros(len(self._end) + 1, bool)
        used[place] = True  # Place -1, none, is the last one.
        chosen = np.cumsum(used) - 1
        chosen[-1] = -1
        used = used[:-1]
        return chosen[place], self._items[used], self._length[used]

    def behind(self, now: int) -> PopularRows:
        """What times after `now` still need: the latest ranking up to it, and later ones."""
        latest = int(np.searchsorted(self._end, now, side="right")) - 1
        if latest < 0:
            return self._rows
        return self._rows.take(self._rows.window_end >= self._end[latest])
