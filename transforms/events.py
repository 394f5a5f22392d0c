"""The unit that flows: a batch of events as columns.

A Python call per event is what makes Beam slow in Python, so an element of the pipeline is
an `EventBatch` of thousands of events, and each step works on whole columns.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from transforms.frames import Frame, coded

BEHAVIORS = ("pv", "cart", "fav", "buy")
"""Names of the behaviors; an event carries the index into this tuple as its code."""

REWARDS = np.array([1.0, 2.0, 2.0, 3.0], dtype=np.float32)
"""Reward of an event by its behavior's code (spec section 5)."""

TIME_LIMIT = 253_402_300_800
"""First second after the year 9999; a time must lie in [0, TIME_LIMIT)."""

Int64s = npt.NDArray[np.int64]
Int8s = npt.NDArray[np.int8]
Float32s = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]


@coded
@dataclass(frozen=True, slots=True, eq=False)
class EventBatch(Frame):
    """Events as equally long columns.

    Attributes:
        user: int64 [n], ids of users.
        item: int64 [n], ids of items.
        behavior: int8 [n], indices into BEHAVIORS.
        time: int64 [n], seconds since the epoch, UTC.
    """

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
        """The different events, by (user, time, item, behavior): repeated ones are dropped."""
        order = np.lexsort((self.behavior, self.item, self.time, self.user))
        batch = self.take(order)
        if len(batch) < 2:
            return batch
        fresh = np.empty(len(batch), bool)
        fresh[0] = True
        np.not_equal(batch.user[1:], batch.user[:-1], out=fresh[1:])
        for column in (batch.item, batch.behavior, batch.time):
            fresh[1:] |= column[1:] != column[:-1]
        return batch if fresh.all() else batch.take(fresh)
