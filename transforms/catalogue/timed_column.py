"""One thing that a catalogue says of its items over time, in arrays sorted by item and by time."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt

from transforms.columns.packing import order
from transforms.columns.ranges import run_starts
from transforms.messages.events import Bools, Int64s

MAX_CHANGES = 1 << 22
"""Changes that are kept, 17 or 24 bytes each. Beyond them the older half is the beginning."""

_KEPT, _KEPT_BYTES = 8, 1 << 26
"""Answers that are kept: so many, or more that take so many bytes together."""

Values = npt.NDArray[Any]
Found = TypeVar("Found")


class TimedColumn(Generic[Found]):
    """Values of items, each with the time from which on it counts; for one thread at a time.

    At T, the newest value of a time up to T counts. Before the oldest value of an item that one
    counts, if it is not newer than `start`: a catalogue that was written before the job also holds
    for older events. Else nothing is known of the item.

    Args:
        start: seconds since the epoch.
        nothing: the value of an item of which nothing is known; it says the values' type.
        found: makes an answer of the items, int64 [n], ascending, their values [n], and a time at
            which they count, None for the newest. Times between which nothing changes have one
            answer.
    """

    def __init__(
        self,
        start: int,
        nothing: bool | int,
        found: Callable[[Int64s, Values, int | None], Found],
    ) -> None:
        self._start, self._nothing, self._found = start, nothing, found
        kind = np.dtype(bool if isinstance(nothing, bool) else np.int64)
        self._ids = np.empty(0, np.int64)
        self._base: Values = np.empty(0, kind)  # What counts before all changes.
        self._latest: Values = np.empty(0, kind)
        self._last = np.empty(0, np.int64)  # Time of each item's newest record.
        self._time = np.empty(0, np.int64)  # Changes, by time.
        self._place = np.empty(0, np.int64)
        self._value: Values = np.empty(0, kind)
        self._kept: OrderedDict[int, tuple[Found, Values]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._ids)

    @property
    def latest(self) -> Found:
        """What the newest values say."""
        return self._found(self._ids, self._latest, None)

    def add(self, item: Int64s, time: Int64s, value: Values) -> None:
        """Adds values. Of one item a later value counts no earlier than the one before it.

        Args:
            item: int64 [n], at least one.
            time: int64 [n], seconds since the epoch, from which on the value counts.
            value: [n].
        """
        rows = order(item)
        item, time, value = item[rows], time[rows], value[rows]
        starts = run_starts(item)
        fresh = self._insert(item[starts])
        place = np.searchsorted(self._ids, item)
        time = _ascending(np.maximum(time, self._last[place]), starts)
        # What is said of the item before each value.
        before = np.roll(value, 1)
        before[starts] = self._latest[place[starts]]
        is_base = np.zeros(len(item), bool)
        is_base[starts] = fresh & (time[starts] <= self._start)
        self._base[place[is_base]] = value[is_base]
        changed = (value != before) & ~is_base
        ends = np.append(starts[1:], len(item)) - 1
        self._latest[place[ends]] = value[ends]
        self._last[place[ends]] = time[ends]
        self._append(time[changed], place[changed], value[changed], bool(is_base.any()))

    def _insert(self, item: Int64s) -> Bools:
        """Makes room for new items; which of the distinct, ascending items are new."""
        at = np.searchsorted(self._ids, item)
        known = np.zeros(len(item), bool)
        inside = at < len(self._ids)
        known[inside] = self._ids[at[inside]] == item[inside]
        new, at = item[~known], at[~known]
        if len(new):
            self._place += np.searchsorted(new, self._ids)[self._place]
            self._ids = np.insert(self._ids, at, new)
            self._base = np.insert(self._base, at, self._nothing)
            self._last = np.insert(self._last, at, np.iinfo(np.int64).min)
            self._kept.clear()
        # An answer that was given keeps the array: what changes is a copy.
        self._latest = np.insert(self._latest, at, self._nothing)
        return ~known

    def _append(self, time: Int64s, place: Int64s, value: Values, base_changed: bool) -> None:
        if base_changed:
            self._kept.clear()
        if not len(time):
            return
        first = int(np.searchsorted(self._time, time.min(), side="right"))
        for number in [number for number in self._kept if number > first]:
            del self._kept[number]
        columns = ((self._time, time), (self._place, place), (self._value, value))
        joined = [np.concatenate(pair) for pair in columns]
        rows = np.argsort(joined[0][first:], kind="stable") + first
        for column in joined:
            column[first:] = column[rows]
        self._time, self._place, self._value = joined
        if len(self._time) > MAX_CHANGES:
            half = len(self._time) // 2
            self._base = self._base.copy()
            self._base[self._place[:half]] = self._value[:half]
            self._time, self._place, self._value = (column[half:] for column in joined)
            self._kept.clear()

    def at(self, time: int) -> Found:
        """What counts at a time. Times between which nothing changes have one object."""
        number = int(np.searchsorted(self._time, time, side="right"))
        if number not in self._kept:
            known = max((n for n in self._kept if n < number), default=0)
            values = (self._kept[known][1] if known in self._kept else self._base).copy()
            values[self._place[known:number]] = self._value[known:number]
            self._kept[number] = self._found(self._ids, values, time), values
            while len(self._kept) > max(_KEPT, _KEPT_BYTES // max(1, values.nbytes)):
                self._kept.popitem(last=False)
        return self._kept[number][0]


def _ascending(time: Int64s, starts: Int64s) -> Int64s:
    """The largest time so far in each run of rows: int64 [n]."""
    lowest = int(time.min())
    span = int(time.max()) - lowest + 1
    run = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(time))))
    return np.maximum.accumulate(run * span + (time - lowest)) - run * span + lowest
