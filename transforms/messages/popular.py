"""Popular items: counts of events by item, and the rankings that are made of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from transforms.columns.frames import Frame, coded
from transforms.columns.packing import order
from transforms.columns.ranges import run_starts
from transforms.messages.events import Int64s


@coded
@dataclass(frozen=True, slots=True, eq=False)
class ItemCounts(Frame):
    """Numbers of events by item.

    Attributes:
        item: int64 [n].
        count: int64 [n], the item's events.
    """

    ITEMS: ClassVar[tuple[str, ...]] = ("item",)

    item: Int64s
    count: Int64s

    def merged(self) -> ItemCounts:
        """Adds up the counts of each item; items are distinct and ascending."""
        rows = order(self.item)
        item = self.item[rows]
        starts = run_starts(item)
        if len(starts) == len(item):
            return ItemCounts(item, self.count[rows]).named(self.names)
        counts = np.add.reduceat(self.count[rows], starts)
        return ItemCounts(item[starts], counts).named(self.names)


@coded
@dataclass(frozen=True, slots=True, eq=False)
class PopularRows(Frame):
    """Rankings of popular items, a row per window and rank.

    Attributes:
        window_end: int64 [n], seconds since the epoch.
        rank: int64 [n], from 1.
        item: int64 [n].
        count: int64 [n], the item's events in the window.
    """

    ITEMS: ClassVar[tuple[str, ...]] = ("item",)

    window_end: Int64s
    rank: Int64s
    item: Int64s
    count: Int64s
