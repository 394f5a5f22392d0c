"""Events of the click-stream, as batches of columns.

A Python call per event dominates the cost of a Beam pipeline in Python. An element of this
pipeline is an `EventBatch` of thousands of events, and each step works on whole columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from transforms.columns.frames import Frame, coded
from transforms.columns.id_names import item_ranks
from transforms.columns.packing import order, pack
from transforms.columns.ranges import run_starts
from transforms.messages.behaviors import BEHAVIORS, REWARDS

__all__ = ["BEHAVIORS", "REWARDS", "TIME_LIMIT", "EventBatch"]

TIME_LIMIT = 253_402_300_800
"""First second after the year 9999. Times of events are in [0, TIME_LIMIT)."""

Int64s = npt.NDArray[np.int64]
Int8s = npt.NDArray[np.int8]
Float32s = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]


@coded
@dataclass(frozen=True, slots=True, eq=False)
class EventBatch(Frame):
    """Events, one a row.

    Attributes:
        user: int64 [n], ids of users.
        item: int64 [n], ids of items.
        behavior: int8 [n], indices into BEHAVIORS.
        time: int64 [n], seconds since the epoch, UTC.
    """

    USERS: ClassVar[tuple[str, ...]] = ("user",)
    ITEMS: ClassVar[tuple[str, ...]] = ("item",)

    user: Int64s
    item: Int64s
    behavior: Int8s
    time: Int64s

    @staticmethod
    def empty() -> EventBatch:
        """A batch of no events."""
        none = np.empty(0, np.int64)
        return EventBatch(none, none, np.empty(0, np.int8), none)

    def ordered(self) -> EventBatch:
        """The distinct events, sorted by (user, time, item, behavior)."""
        if len(self) < 2:
            return self
        if self.names is not None:
            return self._ordered_by_text()
        packed = pack(self.user, self.time, self.item, self.behavior)
        if packed is None:
            order = np.lexsort((self.behavior, self.item, self.time, self.user))
            batch = self.take(order)
            starts = run_starts(*batch.columns())
            return batch if len(starts) == len(batch) else batch.take(starts)
        key = packed.key
        key.sort()
        fresh = run_starts(key)
        user, time, item, behavior = packed.columns(key if len(fresh) == len(key) else key[fresh])
        return EventBatch(user, item, behavior.astype(np.int8), time)

    def _ordered_by_text(self) -> EventBatch:
        """The same where items are text: they are in the order of their texts."""
        names = self.own_names()
        user = self.user
        if names is not None and names.user is not None:
            user = names.user.rows(user)  # Small numbers, in the order of the keys.
        rows = order(user, self.time, item_ranks(names, self.item), self.behavior)
        batch = self.take(rows)
        starts = run_starts(*batch.columns())
        return batch if len(starts) == len(batch) else batch.take(starts)
