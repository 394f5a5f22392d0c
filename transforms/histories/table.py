"""The state of a shard's histories: its users and their last items."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from transforms.columns.frames import Frame, coded
from transforms.messages.events import Bools, Int64s


@coded
@dataclass(frozen=True, slots=True, eq=False)
class HistoryTable(Frame):
    """The users of a shard and their histories.

    Attributes:
        user: int64 [n], ascending.
        items: int64 [n, h], the last items, oldest first, left-aligned, padded with 0.
        length: int64 [n], how many of `items` are valid.
        last: int64 [n], time of the user's last event in seconds since the epoch.
    """

    USERS: ClassVar[tuple[str, ...]] = ("user",)
    ITEMS: ClassVar[tuple[str, ...]] = ("items",)

    user: Int64s
    items: Int64s
    length: Int64s
    last: Int64s

    @staticmethod
    def empty(size: int) -> HistoryTable:
        """A table without users, for histories of `size` items."""
        none = np.empty(0, np.int64)
        return HistoryTable(none, np.empty((0, size), np.int64), none, none)

    def resized(self, size: int) -> HistoryTable:
        """The same histories with room for `size` items: a shorter one keeps the last items."""
        if size == self.items.shape[1]:
            return self
        length = np.minimum(self.length, size)
        column = np.arange(size)
        source = (self.length - length)[:, None] + column
        source = np.minimum(source, self.items.shape[1] - 1)
        items = np.take_along_axis(self.items, source, axis=1)
        items = np.where(column < length[:, None], items, 0)
        return HistoryTable(self.user, items, length, self.last).named(self.names)


def look_up(sorted_ids: Int64s, ids: Int64s) -> tuple[Int64s, Bools]:
    """Finds ids in an ascending column.

    Returns:
        Each id's row in `sorted_ids` (0 where it is not there), and whether it is there.
    """
    if not len(sorted_ids):
        return np.zeros(len(ids), np.int64), np.zeros(len(ids), bool)
    row = np.minimum(np.searchsorted(sorted_ids, ids), len(sorted_ids) - 1)
    found = sorted_ids[row] == ids
    return np.where(found, row, 0), found
