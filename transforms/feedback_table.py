"""A shard's open recommendations and what came of them: the arithmetic, without Beam."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from transforms.events import REWARDS, Bools, EventBatch, Float32s, Int64s
from transforms.frames import Frame, coded
from transforms.ranges import expand_ranges
from transforms.recommendations import Recommendations


@coded
@dataclass(frozen=True, slots=True, eq=False)
class OpenTable(Frame):
    """Recommendations whose reward window is open, or that are their user's latest.

    Attributes:
        user: int64 [n]; rows are ordered by (user, time).
        time: int64 [n], T.
        items: int64 [n, k].
        length: int64 [n].
        propensities: float32 [n, k].
        policy: bytes [n].
        history: int64 [n, h], and
        history_length: int64 [n], as in Recommendations.
        rewards: float32 [n, k], the best reward so far of each item.
        seen: bool [n, k], items with an event between T and the user's next T.
        closed: bool [n], its feedback was given: it is only kept as its user's latest.
    """

    COMPRESSED: ClassVar[bool] = True

    user: Int64s
    time: Int64s
    items: Int64s
    length: Int64s
    propensities: Float32s
    policy: np.ndarray[tuple[int], np.dtype[np.bytes_]]
    history: Int64s
    history_length: Int64s
    rewards: Float32s
    seen: Bools
    closed: Bools

    @staticmethod
    def opened(rows: Recommendations) -> OpenTable:
        """New recommendations, of which nothing has come yet."""
        return OpenTable(
            rows.user,
            rows.time,
            rows.items,
            rows.length,
            rows.propensities,
            rows.policy,
            rows.history,
            rows.history_length,
            np.zeros(rows.items.shape, np.float32),
            np.zeros(rows.items.shape, bool),
            np.zeros(len(rows), bool),
        )

    def ordered(self) -> OpenTable:
        """By user and time."""
        return self.take(np.lexsort((self.time, self.user)))

    def latest(self) -> Bools:
        """Which rows are their user's latest: bool [n]."""
        return np.append(self.user[1:] != self.user[:-1], np.ones(min(len(self), 1), bool))

    def see(self, events: EventBatch, window: int) -> OpenTable:
        """The table after `events`, whose times are behind those seen before.

        Args:
            events: by (user, time, item).
            window: seconds behind T in which an item earns its reward.
        """
        if not len(self) or not len(events):
            return self
        first, behind = self._rows_between(events, window)
        seen, rewards = self.seen.copy(), self.rewards.copy()
        # The row at whose place the user was: the last one at or before the event.
        has_row = behind > 0
        has_row[has_row] &= self.user[behind[has_row] - 1] == events.user[has_row]
        which = np.flatnonzero(has_row)
        row, column, _ = self._matches(behind[which] - 1, events.item[which])
        seen[row, column] = True
        which, row = expand_ranges(first, behind)
        row, column, hit = self._matches(row, events.item[which])
        np.maximum.at(rewards, (row, column), REWARDS[events.behavior[which[hit]]])
        return replace(self, seen=seen, rewards=rewards)

    def _rows_between(self, events: EventBatch, window: int) -> tuple[Int64s, Int64s]:
        """Each event's rows: those of its user with event time - window < T <= event time."""
        base = min(int(self.time.min()), int(events.time.min()) - window)
        span = max(int(self.time.max()), int(events.time.max())) - base + 2
        users, place = np.unique(np.concatenate((self.user, events.user)), return_inverse=True)
        del users
        keys = place[: len(self)] * span + (self.time - base)
        at = place[len(self) :] * span + (events.time - base)
        first: Int64s = np.searchsorted(keys, at - window, side="right")
        behind: Int64s = np.searchsorted(keys, at, side="right")
        # A window may reach below its user's first key: those rows are another user's.
        lowest = np.searchsorted(keys, place[len(self) :] * span, side="left")
        return np.maximum(first, lowest), np.maximum(behind, lowest)

    def _matches(self, rows: Int64s, item: Int64s) -> tuple[Int64s, Int64s, Int64s]:
        """Where rows show an item: the row, its column, and the place in the arguments."""
        real = np.arange(self.items.shape[1]) < self.length[rows][:, None]
        place, column = np.nonzero((self.items[rows] == item[:, None]) & real)
        return rows[place], column, place

    def previous_rewards(self) -> Int64s:
        """For each row, how many items of the user's row before were seen; -1 without one."""
        hits = (self.seen & (np.arange(self.items.shape[1]) < self.length[:, None])).sum(axis=1)
        same = self.user[1:] == self.user[:-1]
        return np.append(np.full(min(len(self), 1), -1), np.where(same, hits[:-1], -1))
