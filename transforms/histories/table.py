"""A shard's users and their last items: the arithmetic of histories, without Beam.

All of it works on whole columns. The table changes only when blocks are applied; what is
due at many times T inside and behind the blocks comes out of one pass.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from transforms.columns.frames import Frame, coded
from transforms.columns.packing import order
from transforms.columns.ranges import expand_ranges, run_starts
from transforms.messages.events import Bools, EventBatch, Int64s
from transforms.messages.ranking import States


@coded
@dataclass(frozen=True, slots=True, eq=False)
class HistoryTable(Frame):
    """The users of a shard, by id.

    Attributes:
        user: int64 [n], ascending.
        items: int64 [n, h], last items, oldest first, left-aligned, padded with 0.
        length: int64 [n], how many of `items` are real.
        last: int64 [n], time of the user's last event.
    """

    user: Int64s
    items: Int64s
    length: Int64s
    last: Int64s

    @staticmethod
    def empty(size: int) -> HistoryTable:
        """No users, histories of `size` items."""
        none = np.empty(0, np.int64)
        return HistoryTable(none, np.empty((0, size), np.int64), none, none)


@dataclass(frozen=True)
class Schedule:
    """When users are due: at multiples T of `period` with an event in [T - window, T)."""

    window: int
    period: int

    def at_or_after(self, time: int) -> int:
        """The smallest T no less than `time`."""
        return -(-time // self.period) * self.period

    def last_for(self, time: int) -> int:
        """The largest T at which an event of `time` makes its user due."""
        return (time + self.window) // self.period * self.period

    def due(self, owner: Int64s, time: Int64s, after: int, until: int) -> tuple[Int64s, Int64s]:
        """The different (owner, T) that events cause, with after < T <= until.

        Args:
            owner: int64 [n], ascending.
            time: int64 [n], the events' times, ascending within an owner.
            after: T's up to this one are done.
            until: the last T asked for.

        Returns:
            owner and T, int64 [m], ascending.
        """
        first = np.maximum(time // self.period + 1, after // self.period + 1)
        last = np.minimum((time + self.window) // self.period, until // self.period)
        # What the event before causes, it causes alone: its T's are the earlier ones.
        again = owner[1:] == owner[:-1]
        first[1:] = np.where(again, np.maximum(first[1:], last[:-1] + 1), first[1:])
        which, number = expand_ranges(first, np.maximum(last + 1, first))
        return owner[which], number * self.period


@dataclass(frozen=True, slots=True)
class DueRows:
    """Who is due when, and in what state: see `RankingRequest`."""

    user: Int64s
    time: Int64s
    state: Int64s
    states: States


class HistoryUpdate:
    """A table and the ordered events of the blocks that are applied to it.

    Args:
        table: the users before the blocks.
        events: the blocks' events by (user, time, item); none of them is older than any
            that was applied before.
        schedule: when users are due.
        after: T's up to this one are done; users whose last event still makes them due
            behind it take part even if they have no new event.
        ttl: seconds between two events of a user after which the history begins anew, so that
            when a silent user was forgotten never reaches an answer; 0 for never.
    """

    def __init__(
        self,
        table: HistoryTable,
        events: EventBatch,
        schedule: Schedule,
        after: int,
        ttl: int = 0,
    ) -> None:
        self._table, self._events, self._schedule, self._after = table, events, schedule, after
        self._ttl = ttl
        self._size = table.items.shape[1]
        still_due = table.last + schedule.window > after
        starts = run_starts(events.user)
        newcomers = events.user[starts]
        self._user = np.union1d(table.user[still_due], newcomers)
        self._row, self._known = _look_up(table.user, self._user)
        place, found = _look_up(newcomers, self._user)
        edges = np.append(starts, len(events))
        # Where each user's events begin and end in `events`; empty for those with none.
        self._first = np.where(found, edges[place], 0)
        self._behind = np.where(found, edges[np.minimum(place + 1, len(starts))], 0)
        self._lay_out()

    def _lay_out(self) -> None:
        """Puts each user's stored items and new items in one line: the user's sequence."""
        stored = np.zeros(len(self._user), np.int64)
        stored[self._known] = self._table.length[self._row[self._known]]
        self._fresh = self._behind - self._first
        total = stored + self._fresh
        self._start = np.cumsum(total) - total
        self._stored = stored
        self._sequence = np.empty(int(total.sum()), np.int64)
        user, column = expand_ranges(np.zeros_like(stored), stored)
        self._sequence[self._start[user] + column] = self._table.items[self._row[user], column]
        user, event = expand_ranges(self._first, self._behind)
        at = self._start[user] + stored[user] + event - self._first[user]
        self._sequence[at] = self._events.item[event]
        if self._ttl:
            self._begin = self._runs(at)

    def _runs(self, at: Int64s) -> Int64s:
        """Where in the line the history of each place begins: behind the user's last silence."""
        time = self._events.time
        before = np.append(np.zeros(min(len(time), 1), np.int64), time[:-1])
        first = self._first[self._fresh > 0]
        before[first] = time[first]
        old = np.flatnonzero(self._known & (self._fresh > 0))
        before[self._first[old]] = self._table.last[self._row[old]]
        anew = at[time - before > self._ttl]
        begin = np.zeros(len(self._sequence), np.int64)
        begin[self._start] = self._start
        begin[anew] = anew
        return np.maximum.accumulate(begin)

    def due(self, until: int) -> DueRows:
        """Who is due at T's in (after, until], by user and T."""
        # Each owner's stored event, if there is one, stands before the new ones.
        count = self._fresh + self._known
        owner = np.repeat(np.arange(len(self._user)), count)
        is_stored = np.zeros(len(owner), bool)
        is_stored[(np.cumsum(count) - count)[self._known]] = True
        time = np.empty(len(owner), np.int64)
        time[is_stored] = self._table.last[self._row[self._known]]
        time[~is_stored] = self._events.time
        owner, time = self._schedule.due(owner, time, self._after, until)
        end = self._start[owner] + self._stored[owner] + self._events_before(owner, time)
        fresh = run_starts(owner, end)
        state = np.zeros(len(owner), np.int64)
        state[fresh[1:]] = 1
        items, length = self._windows(owner[fresh], end[fresh])
        states = States(self._user[owner[fresh]], items, length)
        return DueRows(self._user[owner], time, np.cumsum(state), states)

    def table(self, now: int = 0) -> HistoryTable:
        """The table behind the blocks.

        Args:
            now: the moment up to which all events are applied: with a `ttl`, users leave the
                table who are not due any more and whose next event begins a new history.
        """
        owner = np.flatnonzero(self._fresh)
        end = self._start[owner] + self._stored[owner] + self._fresh[owner]
        items, length = self._windows(owner, end)
        last = self._events.time[self._behind[owner] - 1]
        changed = HistoryTable(self._user[owner], items, length, last)
        unchanged = np.ones(len(self._table), bool)
        unchanged[self._row[owner[self._known[owner]]]] = False
        table = HistoryTable.concat([self._table.take(unchanged), changed])
        if self._ttl:
            table = table.take(table.last >= now - max(self._ttl, self._schedule.window))
        return table.take(order(table.user))

    def _event_owner(self) -> Int64s:
        """The place in `_user` of each new event's user, ascending."""
        return np.repeat(np.arange(len(self._user)), self._fresh)

    def _events_before(self, owner: Int64s, time: Int64s) -> Int64s:
        """How many new events each owner has before each time."""
        if not len(self._events):
            return np.zeros(len(owner), np.int64)
        base = int(self._events.time.min())
        span = int(self._events.time.max()) - base + 2
        keys = self._event_owner() * span + (self._events.time - base)
        asked = owner * span + np.clip(time - base, 0, span - 1)
        before_owner = np.cumsum(self._fresh) - self._fresh
        before: Int64s = np.searchsorted(keys, asked) - before_owner[owner]
        return before

    def _windows(self, owner: Int64s, end: Int64s) -> tuple[Int64s, Int64s]:
        """The last items of each owner's sequence up to `end`: items [n, h], length [n]."""
        begin = self._begin[end - 1] if self._ttl else self._start[owner]
        length = np.minimum(end - begin, self._size)
        column = np.arange(self._size)
        real: Bools = column < length[:, None]
        at = np.where(real, (end - length)[:, None] + column, 0)
        if not len(self._sequence):
            return np.zeros((len(owner), self._size), np.int64), length
        return np.where(real, self._sequence[at], 0), length


def _look_up(sorted_ids: Int64s, ids: Int64s) -> tuple[Int64s, Bools]:
    """Each id's place in `sorted_ids` (0 where it is not there), and whether it is there."""
    if not len(sorted_ids):
        return np.zeros(len(ids), np.int64), np.zeros(len(ids), bool)
    place = np.minimum(np.searchsorted(sorted_ids, ids), len(sorted_ids) - 1)
    found = sorted_ids[place] == ids
    return np.where(found, place, 0), found
