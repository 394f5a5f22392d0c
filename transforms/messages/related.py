"""Related items: which items users bought or looked at together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from transforms.columns.frames import Frame, coded
from transforms.messages.events import Int64s

Int8s = npt.NDArray[np.int8]


@coded
@dataclass(frozen=True, slots=True, eq=False)
class PairCounts(Frame):
    """Numbers of users who had to do with two items in a slot of event time.

    Attributes:
        slot: int64 [n], the slot's number: its start divided by its length. Of sums over several
            slots it is the latest one.
        item: int64 [n].
        other: int64 [n]; the pair is there a second time with the two items exchanged.
        count: int64 [n], users, the sum over the slots.
    """

    ITEMS: ClassVar[tuple[str, ...]] = ("item", "other")

    slot: Int64s
    item: Int64s
    other: Int64s
    count: Int64s


@coded
@dataclass(frozen=True, slots=True, eq=False)
class RelatedItems(Frame):
    """Lists of related items, a row per kind, window and item.

    Attributes:
        kind: int8 [n], the code of the kind (`related_kinds`).
        time: int64 [n], start of the latest slot in which the item is in a pair, seconds since the
            epoch; of an item's lists the one of the latest time counts.
        item: int64 [n].
        items: int64 [n, k], what users had to do with besides, best first, padded with 0.
        counts: int64 [n, k], the sums of `PairCounts`, padded with 0.
        length: int64 [n], how many of `items` are valid.
    """

    ITEMS: ClassVar[tuple[str, ...]] = ("item", "items")

    kind: Int8s
    time: Int64s
    item: Int64s
    items: Int64s
    counts: Int64s
    length: Int64s
