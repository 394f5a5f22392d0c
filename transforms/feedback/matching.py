"""Matches events with the recommendations of the same users that contain their items.

Most pairs of a recommendation and an event of one user do not match. Each recommendation has a
signature of 64 bits with one bit set for each of its items. A pair whose event's bit is not set
needs no comparison with the items.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from transforms.columns.hashing import Uint64s
from transforms.columns.ranges import expand_ranges, run_starts
from transforms.messages.events import Bools, EventBatch, Int64s

PAIRS = 1 << 17
"""Approximate number of pairs that are compared at a time: bounds the memory to about 15 MB.

An event is paired with every recommendation of its user whose reward window it is in. A user with
a million events would otherwise take 3 KB an event.
"""


class Matches(NamedTuple):
    """Pairs of a recommendation and an event that match.

    Attributes:
        row: int64 [m], the recommendation.
        column: int64 [m], the item in its list.
        event: int64 [m].
    """

    row: Int64s
    column: Int64s
    event: Int64s


class EventMatching:
    """Matches events with recommendations.

    Args:
        user: int64 [n], the recommendations' users; rows are sorted by (user, time).
        time: int64 [n], the ranking times in seconds since the epoch.
        items: int64 [n, k].
        length: int64 [n], how many of `items` are valid.
        events: at least one, by (user, time, item).
    """

    def __init__(
        self, user: Int64s, time: Int64s, items: Int64s, length: Int64s, events: EventBatch
    ) -> None:
        self._items, self._length, self._event_item = items, length, events.item
        starts = run_starts(user)
        owner = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(user))))
        run = np.searchsorted(user[starts], events.user)
        known = user[starts][np.minimum(run, len(starts) - 1)] == events.user
        self._event = np.flatnonzero(known)
        run, event_time = run[known], events.time[known]
        base = min(int(time.min()), int(events.time.min()))
        span = max(int(time.max()), int(events.time.max())) - base + 1
        # One time line for all users: each user's times are shifted past those of the one before.
        self._line = owner * span + (time - base)
        self._at = run * span + (event_time - base)
        self._first = starts[run]
        self._end: Int64s = np.searchsorted(self._line, self._at, side="right")
        self._bits = _bits(events.item)
        self._event_time = events.time
        signature = np.zeros(len(user), np.uint64)
        for column in range(items.shape[1]):
            signature |= np.uint64(1) << _bits(items[:, column])
        self._signature = signature

    def in_latest(self) -> Iterator[Matches]:
        """Matches of events with their user's latest recommendation at or before them."""
        yield from self._matches(np.maximum(self._end - 1, self._first), self._signature)

    def credited(
        self, window: int, eligible: Bools, shown: Int64s | None = None
    ) -> Iterator[Matches]:
        """The match of each event that is credited: that with the latest of its recommendations.

        Args:
            window: seconds; an event at t is in the window of ranking times in (t - window, t].
            eligible: bool [n], the recommendations that can be credited.
            shown: int64 [n], when each was shown; an event before is not credited to it, and the
                latest is the one that was shown last. None: at its ranking time.
        """
        first = np.searchsorted(self._line, self._at - window, side="right")
        signature = np.where(eligible, self._signature, np.uint64(0))
        # The window may reach before the user's first row, into another user's rows.
        for found in self._matches(np.maximum(first, self._first), signature):
            if shown is not None:
                after = np.flatnonzero(shown[found.row] <= self._event_time[found.event])
                rows = found.row[after]
                after = after[np.lexsort((rows, shown[rows], found.event[after]))]
                found = Matches(*(column[after] for column in found))
            # All matches of an event are in one part, one after the other, the latest row last.
            last = np.ones(len(found.event), bool)
            last[:-1] = found.event[1:] != found.event[:-1]
            yield Matches(found.row[last], found.column[last], found.event[last])

    def _matches(self, first: Int64s, signature: Uint64s) -> Iterator[Matches]:
        """Matches of each event with its rows from `first` on, about PAIRS pairs at a time."""
        pairs = np.cumsum(self._end - first)
        if not len(pairs) or not pairs[-1]:
            return
        edges = np.searchsorted(pairs, np.arange(PAIRS, pairs[-1], PAIRS)) + 1
        begin = 0
        for end in np.union1d(edges, [len(pairs)]).tolist():
            which, row = expand_ranges(first[begin:end], self._end[begin:end])
            yield self._match(row, self._event[begin:end][which], signature)
            begin = end

    def _match(self, row: Int64s, event: Int64s, signature: Uint64s) -> Matches:
        likely = np.flatnonzero((signature[row] >> self._bits[event]) & np.uint64(1))
        row, event = row[likely], event[likely]
        valid = np.arange(self._items.shape[1]) < self._length[row][:, None]
        pair, column = np.nonzero((self._items[row] == self._event_item[event][:, None]) & valid)
        return Matches(row[pair], column, event[pair])


def _bits(items: Int64s) -> Uint64s:
    """A well mixed number in [0, 64) for each item."""
    return (items.view(np.uint64) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(58)
