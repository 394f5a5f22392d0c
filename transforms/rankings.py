"""The rankings of popular items that a shard was told, by window end."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from transforms.events import Int64s
from transforms.popular import PopularRows
from transforms.ranges import run_starts


class Rankings:
    """Rankings as a matrix, a row per window.

    Args:
        told: rows of rankings in any order; whole windows.
        size: items in a ranking at the most.
    """

    def __init__(self, told: Sequence[PopularRows], size: int) -> None:
        self._size = size
        self._rows = PopularRows.concat(told) if told else None
        if self._rows is None:
            self._end = np.empty(0, np.int64)
            return
        rows = self._rows.take(np.lexsort((self._rows.rank, self._rows.window_end)))
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
        used = np.unique(place[place >= 0])
        if not len(used):
            none = np.zeros((0, self._size), np.int64), np.zeros(0, np.int64)
            return np.full(len(times), -1, np.int64), *none
        chosen = np.where(place >= 0, np.searchsorted(used, place), -1)
        return chosen, self._items[used], self._length[used]

    def behind(self, now: int) -> PopularRows | None:
        """What times after `now` still need: the latest ranking up to it, and later ones."""
        if self._rows is None:
            return None
        latest = np.searchsorted(self._end, now, side="right") - 1
        if latest < 0:
            return self._rows
        return self._rows.take(self._rows.window_end >= self._end[latest])
