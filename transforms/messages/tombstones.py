"""Users to forget, and from which of their rows on they count as new users."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from transforms.columns.frames import Frame, coded
from transforms.columns.packing import order
from transforms.columns.ranges import run_starts
from transforms.messages.events import Bools, EventBatch, Int64s

NEVER = int(np.iinfo(np.int64).max)
"""The time of a tombstone that there is not."""

FIRST_USER = _LONG_AGO = int(np.iinfo(np.int64).min)
"""The smallest user id."""


@coded
@dataclass(frozen=True, slots=True, eq=False)
class Tombstones(Frame):
    """Users and times: what a user did up to the time is forgotten, the time included.

    A user's tombstones divide the user's rows into lives. A row of a life counts as that of a user
    of its own, up to the tombstone that ends the life. Methods say a life by its place, a number:
    users with later rows have larger ones.

    The users' texts are not kept.

    Attributes:
        user: int64 [n]; rows are distinct and sorted by (user, time).
        time: int64 [n], seconds since the epoch.
    """

    user: Int64s
    time: Int64s

    @staticmethod
    def of(user: Int64s, time: Int64s) -> Tombstones:
        """Tombstones in any order, int64 [n] each, of which several may be equal."""
        rows = order(user, time)
        rows = rows[run_starts(user[rows], time[rows])]
        return Tombstones(user[rows], time[rows])

    @property
    def users(self) -> Int64s:
        """The users, each once, ascending."""
        return self.user[run_starts(self.user)]

    def between(self, after: int, until: int) -> Tombstones:
        """Those of the users in (after, until], for FIRST_USER those up to `until`."""
        first = int(np.searchsorted(self.user, after, "left" if after == FIRST_USER else "right"))
        return self.take(slice(first, int(np.searchsorted(self.user, until, "right"))))

    def place(self, user: Int64s, time: Int64s) -> Int64s:
        """The place of each row's life: how many tombstones stand before (user, time).

        Args:
            user: int64 [m].
            time: int64 [m], seconds since the epoch.
        """
        place = np.searchsorted(self.user, user)
        rows = np.flatnonzero(self._is_of(place, user))
        if len(rows):
            # One line for all users: each user's times are shifted past those of the one before.
            starts = run_starts(self.user)
            owner = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(self))))
            base, last = int(self.time.min()), int(self.time.max())
            span = last - base + 2
            moment = np.clip(time[rows], base, last + 1) - base
            line = owner * span + (self.time - base)
            place[rows] = np.searchsorted(line, owner[place[rows]] * span + moment)
        return place

    def ends(self, user: Int64s, place: Int64s) -> Int64s:
        """The time of the tombstone that ends each life, NEVER where none does: int64 [m]."""
        if not len(self):
            return np.full(len(user), NEVER)
        at = np.minimum(place, len(self) - 1)
        return np.where(self._is_of(place, user), self.time[at], NEVER)

    def begins(self, user: Int64s, place: Int64s) -> Int64s:
        """The first time of each life, -2^63 for a user's first one: int64 [m]."""
        before = place - 1
        known = (before >= 0) & self._is_of(before, user)
        begins = np.full(len(user), _LONG_AGO)
        begins[known] = self.time[before[known]] + 1
        return begins

    def keeps(self, user: Int64s, time: Int64s) -> Bools:
        """Which rows no tombstone ends: bool [m].

        Args:
            user: int64 [m].
            time: int64 [m], seconds since the epoch.
        """
        keeps: Bools = self.ends(user, self.place(user, time)) == NEVER
        return keeps

    def kept(self, frame: Any) -> Any:
        """The rows of a frame with the columns `user` and `time` that no tombstone ends."""
        return frame.take(self.keeps(frame.user, frame.time)) if len(self) else frame

    def lives(self, *rows: tuple[Int64s, Int64s]) -> tuple[list[Int64s], Int64s, Int64s]:
        """Numbers the lives of rows of users and times.

        Args:
            rows: pairs of int64 [m] each.

        Returns:
            For each pair the numbers of its rows' lives, which are in the order of users and
            times; and by number the user and the place, int64 [l].
        """
        user = np.concatenate([pair[0] for pair in rows])
        place = np.concatenate([self.place(*pair) for pair in rows])
        by_life = order(user, place)
        starts = run_starts(user[by_life], place[by_life])
        number = np.empty(len(user), np.int64)
        lengths = np.diff(np.append(starts, len(user)))
        number[by_life] = np.repeat(np.arange(len(starts)), lengths)
        edges = np.cumsum([len(pair[0]) for pair in rows])[:-1]
        first = by_life[starts]
        return list(np.split(number, edges)), user[first], place[first]

    def _is_of(self, place: Int64s, user: Int64s) -> Bools:
        """Whether the tombstone at each place is one of the user."""
        if not len(self):
            return np.zeros(len(user), bool)
        at = np.minimum(place, len(self) - 1)
        is_of: Bools = np.logical_and(self.user[at] == user, place < len(self))
        return is_of


def with_users(events: EventBatch, user: Int64s) -> EventBatch:
    """The same events of other users, int64 [n]."""
    other = EventBatch(user, events.item, events.behavior, events.time)
    return other.named(events.names).detailed(events.details)


NO_TOMBSTONES = Tombstones(np.empty(0, np.int64), np.empty(0, np.int64))
