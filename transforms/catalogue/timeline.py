"""What a catalogue says of its items over time, in arrays sorted by item and by time."""

from __future__ import annotations

import threading
from collections import OrderedDict

import numpy as np

from transforms.columns.packing import order
from transforms.columns.ranges import run_starts
from transforms.messages.availability import Availability
from transforms.messages.events import Bools, Int64s

MAX_CHANGES = 1 << 22
"""Changes that are kept, 17 bytes each. Beyond them the older half counts as the beginning."""

_KEPT = 8


class Timeline:
    """Records of items, each with the time from which on it counts.

    An item is available at T if its newest record of a time up to T says so. Before its oldest
    record it is as that record says, if the record is not newer than `start`: a catalogue that was
    written before the job also counts for older events. An item without such a record is not in
    the catalogue, and not available.

    Args:
        start: seconds since the epoch.
    """

    def __init__(self, start: int) -> None:
        self._start = start
        self._lock = threading.Lock()
        self._ids = np.empty(0, np.int64)
        self._base = np.empty(0, bool)  # What counts before all changes.
        self._latest = np.empty(0, bool)
        self._last = np.empty(0, np.int64)  # Time of each item's newest record.
        self._time = np.empty(0, np.int64)  # Changes, by time.
        self._place = np.empty(0, np.int64)
        self._value = np.empty(0, bool)
        self._kept: OrderedDict[int, Availability] = OrderedDict()

    def __len__(self) -> int:
        return len(self._ids)

    @property
    def latest(self) -> Availability:
        """What the newest records say."""
        with self._lock:
            return Availability(self._ids, self._latest)

    def add(self, item: Int64s, time: Int64s, available: Bools) -> None:
        """Adds records. Of one item a later record counts no earlier than the one before it.

        Args:
            item: int64 [n].
            time: int64 [n], seconds since the epoch, from which on the record counts.
            available: bool [n]; false also for an item that left the catalogue.
        """
        if not len(item):
            return
        with self._lock:
            rows = order(item)
            item, time, available = item[rows], time[rows], available[rows]
            starts = run_starts(item)
            fresh = self._insert(item[starts])
            place = np.searchsorted(self._ids, item)
            time = _ascending(np.maximum(time, self._last[place]), starts)
            # What is said of the item before each record.
            before = np.append(False, available[:-1])
            before[starts] = self._latest[place[starts]]
            is_base = np.zeros(len(item), bool)
            is_base[starts] = fresh & (time[starts] <= self._start)
            self._base[place[is_base]] = available[is_base]
            changed = (available != before) & ~is_base
            ends = np.append(starts[1:], len(item)) - 1
            self._latest[place[ends]] = available[ends]
            self._last[place[ends]] = time[ends]
            self._append(time[changed], place[changed], available[changed], bool(is_base.any()))

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
            self._base = np.insert(self._base, at, False)
            self._last = np.insert(self._last, at, np.iinfo(np.int64).min)
            self._kept.clear()
        # Availability that was given keeps the array: what changes is a copy.
        self._latest = np.insert(self._latest, at, False)
        return ~known

    def _append(self, time: Int64s, place: Int64s, value: Bools, base_changed: bool) -> None:
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

    def at(self, time: int) -> Availability:
        """What is available at a time. Times between which nothing changes have one object."""
        with self._lock:
            number = int(np.searchsorted(self._time, time, side="right"))
            found = self._kept.get(number)
            if found is None:
                known = max((n for n in self._kept if n < number), default=0)
                bits = (self._kept[known].bits if known in self._kept else self._base).copy()
                bits[self._place[known:number]] = self._value[known:number]
                found = self._kept[number] = Availability(self._ids, bits)
                while len(self._kept) > _KEPT:
                    self._kept.popitem(last=False)
            return found


def _ascending(time: Int64s, starts: Int64s) -> Int64s:
    """The largest time so far in each run of rows: int64 [n]."""
    lowest = int(time.min())
    span = int(time.max()) - lowest + 1
    run = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(time))))
    return np.maximum.accumulate(run * span + (time - lowest)) - run * span + lowest
