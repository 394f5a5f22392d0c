"""A shard's open recommendations and what came of them: the arithmetic, without Beam."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from transforms.columns.frames import Frame, coded
from transforms.columns.packing import order
from transforms.columns.ranges import expand_ranges, run_starts
from transforms.messages.events import REWARDS, Bools, EventBatch, Float32s, Int8s, Int64s
from transforms.messages.ranking import RankedBatch

_BEST_REWARDS = np.concatenate((np.zeros(1, np.float32), REWARDS))
"""Reward by a behavior's code and 1; 0 where there was none."""


@coded
@dataclass(frozen=True, slots=True, eq=False)
class OpenTable(Frame):
    """Recommendations whose reward window is open, or that are their user's latest.

    Attributes:
        user: int64 [n]; rows are ordered by (user, time).
        time: int64 [n], T.
        items: int64 [n, k].
        length: int64 [n].
        policy: int64 [n], as in Shown.
        best: int8 [n, k], the best behavior so far on each item, as its code and 1; 0 for none.
        seen: bool [n, k], items with an event between T and the user's next T.
        closed: bool [n], its feedback was given: it is only kept as its user's latest.
        propensities: float32 [n, k], and
        history: int64 [n, h], and
        history_length: int64 [n], as in Shown; [n, 0] where no feedback log is kept.
    """

    user: Int64s
    time: Int64s
    items: Int64s
    length: Int64s
    policy: Int64s
    best: Int8s
    seen: Bools
    closed: Bools
    propensities: Float32s
    history: Int64s
    history_length: Int64s

    @staticmethod
    def opened(shown: RankedBatch, *, keep_log: bool) -> OpenTable:
        """New recommendations, of which nothing has come yet.

        Args:
            shown: the recommendations.
            keep_log: whether to keep what only the feedback log asks for.
        """
        place = shown.place
        rows, size = len(place), shown.items.shape[1]
        return OpenTable(
            shown.user,
            shown.time,
            shown.items[place],
            shown.length[place],
            shown.policy[place],
            np.zeros((rows, size), np.int8),
            np.zeros((rows, size), bool),
            np.zeros(rows, bool),
            shown.propensities[place] if keep_log else np.zeros((rows, 0), np.float32),
            shown.history[place] if keep_log else np.zeros((rows, 0), np.int64),
            shown.history_length[place],
        )

    def ordered(self) -> OpenTable:
        """By user and time."""
        return self.take(order(self.user, self.time))

    def latest(self) -> Bools:
        """Which rows are their user's latest: bool [n]."""
        return np.append(self.user[1:] != self.user[:-1], np.ones(min(len(self), 1), bool))

    def rewards(self) -> Float32s:
        """The reward so far of each item: float32 [n, k]."""
        return _BEST_REWARDS[self.best]

    def see(self, events: EventBatch, window: int) -> OpenTable:
        """The table after `events`, whose times are behind those seen before.

        Args:
            events: by (user, time, item).
            window: seconds behind T in which an item earns its reward.
        """
        if not len(self) or not len(events):
            return self
        matching = _Matching(self, events)
        seen, best = self.seen.copy(), self.best.copy()
        event, row = matching.rows_before()
        row, column, _ = matching.matches(row, event)
        seen[row, column] = True
        event, row = matching.rows_within(window)
        row, column, event = matching.matches(row, event)
        at = row * best.shape[1] + column
        np.maximum.at(best.reshape(-1), at, events.behavior[event] + np.int8(1))
        return replace(self, seen=seen, best=best)

    def previous_rewards(self, remembered: int = 0) -> Int64s:
        """For each row, how many items of the user's row before were seen; -1 without one.

        Args:
            remembered: seconds after which a row before no longer counts; 0 for never.
        """
        hits = self.seen.sum(axis=1)
        same = self.user[1:] == self.user[:-1]
        if remembered:
            same &= self.time[1:] - self.time[:-1] <= remembered
        return np.append(np.full(min(len(self), 1), -1), np.where(same, hits[:-1], -1))


class _Matching:
    """Which rows show what which events are on.

    Most pairs of a row and an event of the same user do not match. So each row has a
    signature of 64 bits, one of them set for each of its items: a pair whose event's bit is
    not set needs no look at the items.
    """

    def __init__(self, table: OpenTable, events: EventBatch) -> None:
        self._table, self._events = table, events
        starts = run_starts(table.user)
        owner = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(table))))
        place = np.searchsorted(table.user[starts], events.user)
        known = table.user[starts][np.minimum(place, len(starts) - 1)] == events.user
        self._event = np.flatnonzero(known)
        place, time = place[known], events.time[known]
        base = min(int(table.time.min()), int(events.time.min()))
        span = max(int(table.time.max()), int(events.time.max())) - base + 1
        # In one line for all users: no time of a user reaches into those of the next one.
        self._rows = owner * span + (table.time - base)
        self._at = place * span + (time - base)
        self._first = starts[place]
        self._behind: Int64s = np.searchsorted(self._rows, self._at, side="right")
        self._bits = _bits(events.item)
        signature = np.zeros(len(table), np.uint64)
        for column in range(table.items.shape[1]):
            signature |= np.uint64(1) << _bits(table.items[:, column])
        self._signature = signature

    def rows_before(self) -> tuple[Int64s, Int64s]:
        """Events, and for each the last row of its user at or before it."""
        there = self._behind > self._first
        return self._event[there], self._behind[there] - 1

    def rows_within(self, window: int) -> tuple[Int64s, Int64s]:
        """Events, and for each all rows of its user with event time - window < T <= event time."""
        first = np.searchsorted(self._rows, self._at - window, side="right")
        # The window may reach below the user's first row, into another user's.
        which, row = expand_ranges(np.maximum(first, self._first), self._behind)
        return self._event[which], row

    def matches(self, row: Int64s, event: Int64s) -> tuple[Int64s, Int64s, Int64s]:
        """The pairs of a row and an event that match: row, column of the item, event."""
        likely = np.flatnonzero((self._signature[row] >> self._bits[event]) & np.uint64(1))
        row, event = row[likely], event[likely]
        items = self._table.items
        real = np.arange(items.shape[1]) < self._table.length[row][:, None]
        place, column = np.nonzero((items[row] == self._events.item[event][:, None]) & real)
        return row[place], column, event[place]


def _bits(items: Int64s) -> npt.NDArray[np.uint64]:
    """A number below 64 for each item, well mixed."""
    return (items.view(np.uint64) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(58)
