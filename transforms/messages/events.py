"""Events of the click-stream, as batches of columns.

A Python call per event dominates the cost of a Beam pipeline in Python. An element of this
pipeline is an `EventBatch` of thousands of events, and each step works on whole columns.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from transforms.columns.codec import Column
from transforms.columns.event_details import EventDetails, Float64s
from transforms.columns.frames import Columns, Frame, Index, coded
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
    """Events, one a row, which may have details (`EventDetails`).

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

    details: ClassVar[EventDetails | None] = None
    """Not a field: events without details do not pay for it."""

    def detailed(self, details: EventDetails | None) -> Self:
        """Gives these events, which the caller has just made, details."""
        if details is not None:
            object.__setattr__(self, "details", details)
        return self

    def plain(self) -> EventBatch:
        """The same events without details."""
        if self.details is None:
            return self
        return EventBatch(*self.columns()).named(self.names)

    def with_values(self) -> EventBatch:
        """The same events with their values, and without ids of their own."""
        if self.details is None:
            return self
        return self.plain().valued(self.details.value)

    def valued(self, value: Float64s) -> EventBatch:
        """The same events with values, float64 [n], and without ids of their own."""
        return self.detailed(EventDetails(np.zeros(len(self), np.int64), value))

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickles the events with their names and details."""
        return _restored_events, (Columns.__reduce__(self), self.details)

    def detail_columns(self) -> tuple[Column, ...]:
        """The columns of the details; none where there are none."""
        return () if self.details is None else self.details.columns()

    def with_detail_columns(self, columns: Sequence[Column]) -> Self:
        """Gives these events the details that `detail_columns` gave."""
        return self.detailed(EventDetails(*columns))

    def take(self, index: Index) -> Self:
        """The rows at `index` (positions, a mask or a slice)."""
        taken = Frame.take(self, index)
        return taken if self.details is None else taken.detailed(self.details.take(index))

    @classmethod
    def concat(cls, frames: Iterable[Self]) -> Self:
        """The rows of all `frames` (at least one), in order."""
        parts = list(frames)
        if len(parts) == 1:
            return parts[0]
        whole = cls.joined_fields(parts)
        return whole.detailed(EventDetails.concat([(part.details, len(part)) for part in parts]))

    @staticmethod
    def empty() -> EventBatch:
        """A batch of no events."""
        none = np.empty(0, np.int64)
        return EventBatch(none, none, np.empty(0, np.int8), none)

    def ordered(self, *, distinct: bool = True) -> EventBatch:
        """The distinct events, sorted by (user, time, item, behavior).

        Events with different ids of their own (`EventDetails.event_id`) are different. Of events
        that are equal but for their values, the one with the largest value is kept.

        Args:
            distinct: whether to drop events that are equal to others; for events without details.
        """
        if len(self) < 2:
            return self
        if self.names is not None or self.details is not None:
            return self._ordered_by_rows(distinct)
        packed = pack(self.user, self.time, self.item, self.behavior)
        if packed is None:
            order = np.lexsort((self.behavior, self.item, self.time, self.user))
            batch = self.take(order)
            starts = run_starts(*batch.columns())
            return batch if not distinct or len(starts) == len(batch) else batch.take(starts)
        key = packed.key
        key.sort()
        fresh = run_starts(key) if distinct else key
        user, time, item, behavior = packed.columns(key if len(fresh) == len(key) else key[fresh])
        return EventBatch(user, item, behavior.astype(np.int8), time)

    def _ordered_by_rows(self, distinct: bool) -> EventBatch:
        """The same with texts or details. Items that are text are in the order of their texts."""
        names = self.own_names()
        user = self.user
        if names is not None and names.user is not None:
            user = names.user.rows(user)  # Small numbers, in the order of the keys.
        keys: list[Column] = [user, self.time, item_ranks(names, self.item), self.behavior]
        before: Int64s | None = None
        if self.details is not None:
            keys.append(self.details.event_id)
            if not np.isnan(self.details.value).all():
                # The sort is stable: equal events stand by their values, NaN last.
                before = np.argsort(-self.details.value, kind="stable")
        if before is not None:
            keys = [key[before] for key in keys]
        rows = order(*keys)
        rows = rows if before is None else before[rows]
        batch = self.take(rows)
        if not distinct:
            return batch
        own_ids = () if batch.details is None else (batch.details.event_id,)
        starts = run_starts(*batch.columns(), *own_ids)
        return batch if len(starts) == len(batch) else batch.take(starts)


def _restored_events(restore: tuple[Any, ...], details: EventDetails | None) -> EventBatch:
    function, arguments = restore
    batch: EventBatch = function(*arguments)
    return batch.detailed(details)
