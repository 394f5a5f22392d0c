"""When lists were shown, as impressions say (spec section 5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from transforms.columns.frames import Frame, coded
from transforms.columns.packing import order
from transforms.columns.ranges import run_starts
from transforms.messages.events import EventBatch, Int64s
from transforms.messages.tombstones import Tombstones

NEVER = np.iinfo(np.int64).max
"""The time of what has not been shown."""


@coded
@dataclass(frozen=True, slots=True, eq=False)
class Shown(Frame):
    """Lists that were shown, each once; rows are sorted by (user, time).

    Attributes:
        user: int64 [n].
        time: int64 [n], the list's ranking time T, in seconds since the epoch.
        first: int64 [n], when it was shown first, in seconds since the epoch.
    """

    USERS: ClassVar[tuple[str, ...]] = ("user",)

    user: Int64s
    time: Int64s
    first: Int64s

    @staticmethod
    def nothing() -> Shown:
        """No lists."""
        return Shown(*(np.zeros(0, np.int64) for _ in range(3)))

    def with_impressions(self, impressions: EventBatch, window: int) -> tuple[Shown, int]:
        """The lists that were shown after further impressions.

        Args:
            impressions: with the ranking times as items. One before its list's ranking time, or
                not within `window` of it, does not count.
            window: the reward window, in seconds.

        Returns:
            The lists, and how many of the impressions count.
        """
        at, time = impressions.item, impressions.time
        # Ranking times that are not negative: the difference cannot overflow.
        counts = np.flatnonzero((at >= 0) & (at <= time))
        counts = counts[time[counts] - at[counts] < window]
        more = Shown(impressions.user[counts], at[counts], time[counts])
        both = Shown.joined_fields([self, more])
        both = both.take(order(both.user, both.time, both.first))
        return both.take(run_starts(both.user, both.time)), len(counts)

    def after(self, time: int) -> Shown:
        """Those of ranking times after `time`."""
        return self.take(self.time > time)

    def without(self, tombstones: Tombstones) -> Shown:
        """Those that no tombstone ends."""
        if not len(tombstones):
            return self
        return self.take(tombstones.keeps(self.user, self.time - 1))

    def of(self, user: Int64s, time: Int64s) -> Int64s:
        """When the lists of these users and ranking times were shown first; NEVER if not.

        Args:
            user: int64 [m].
            time: int64 [m].

        Returns:
            int64 [m].
        """
        known = len(self)
        users, times = np.append(self.user, user), np.append(self.time, time)
        rows = order(users, times)  # It is stable: what is known stands first.
        starts = run_starts(users[rows], times[rows])
        firsts = np.append(self.first, np.full(len(user), NEVER))[rows[starts]]
        found = np.empty(len(users), np.int64)
        found[rows] = np.repeat(firsts, np.diff(np.append(starts, len(rows))))
        return found[known:]
