"""Applies events to a shard's histories, and finds the states at ranking times among them.

All operations work on whole columns. One `HistoryUpdate` gives both the histories at every
ranking time among the events and the rows after the last event.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from transforms.columns.ranges import expand_ranges, run_starts, union
from transforms.histories.bought import Purchases
from transforms.histories.recent_users import RecentUsers
from transforms.histories.schedule import Schedule
from transforms.histories.table import HistoryTable, look_up
from transforms.messages.events import Bools, EventBatch, Int64s
from transforms.messages.ranking import States
from transforms.messages.tombstones import NEVER, NO_TOMBSTONES, Tombstones


@dataclass(frozen=True, slots=True)
class DueRows:
    """Users and ranking times, with the states: as in `RankingRequest`.

    Attributes:
        user: int64 [n]; rows are sorted by (user, time).
        time: int64 [n], the ranking time in seconds since the epoch.
        state_index: int64 [n], the row's state in `states`, ascending.
        states: the distinct states.
        bought: int64 [s, 2], the places of the purchases that count in each state: the first,
            and the one after the last. [s, 0] where purchases do not count.
    """

    user: Int64s
    time: Int64s
    state_index: Int64s
    states: States
    bought: Int64s


class HistoryUpdate:
    """A table of histories and the events that are applied to it.

    For each user who takes part, the stored items and then the new ones form a sequence. All
    sequences are concatenated. A history is the end of a piece of one.

    Args:
        table: the histories before the events, of all users who take part.
        events: by (user, time, item); none is before an event that was applied earlier.
        schedule: when users get recommendations.
        after: ranking times up to this one have been emitted. Users who have a later one because
            of an event in the table take part even without a new event.
        ttl: seconds between two events of a user after which the history starts anew; 0 for
            never. Results therefore do not depend on when a silent user left the state.
        tombstones: which users are forgotten when. Each life of such a user has a sequence.
    """

    def __init__(
        self,
        table: HistoryTable,
        events: EventBatch,
        schedule: Schedule,
        after: int,
        ttl: int = 0,
        tombstones: Tombstones = NO_TOMBSTONES,
    ) -> None:
        self._table, self._events, self._schedule, self._after = table, events, schedule, after
        self._ttl = ttl
        self._size = table.items.shape[1]
        still_due = table.last + schedule.window > after
        # Who has a sequence: users, or lives of users.
        stored, of_event = table.user, events.user
        self._lives: tuple[Int64s, Int64s] | None = None
        if len(tombstones):
            (stored, of_event), user, place = tombstones.lives(
                (table.user, table.last), (events.user, events.time)
            )
        starts = run_starts(of_event)
        active = of_event[starts]
        owner = union(stored[still_due], active)
        self._user = owner
        if len(tombstones):
            self._user, place = user[owner], place[owner]
            self._lives = tombstones.begins(self._user, place), tombstones.ends(self._user, place)
        self._row, self._stored_before = look_up(stored, owner)
        run, found = look_up(active, owner)
        edges = np.append(starts, len(events))
        # Each user's events are events[first:end]; the range is empty for users without events.
        self._first = np.where(found, edges[run], 0)
        self._end = np.where(found, edges[np.minimum(run + 1, len(starts))], 0)
        self._concatenate()

    def _concatenate(self) -> None:
        """Builds the concatenated sequences."""
        stored = np.zeros(len(self._user), np.int64)
        stored[self._stored_before] = self._table.length[self._row[self._stored_before]]
        self._new = self._end - self._first
        total = stored + self._new
        self._start = np.cumsum(total) - total
        self._stored = stored
        self._sequence = np.empty(int(total.sum()), np.int64)
        user, column = expand_ranges(np.zeros_like(stored), stored)
        self._sequence[self._start[user] + column] = self._table.items[self._row[user], column]
        user, event = expand_ranges(self._first, self._end)
        position = self._start[user] + stored[user] + event - self._first[user]
        self._sequence[position] = self._events.item[event]
        if self._ttl:
            self._begin = self._history_starts(position)

    def _history_starts(self, position: Int64s) -> Int64s:
        """For each position in the sequences, where its history starts: after the last silence.

        Args:
            position: int64 [events], the events' positions.
        """
        time = self._events.time
        previous = np.append(np.zeros(min(len(time), 1), np.int64), time[:-1])
        first = self._first[self._new > 0]
        previous[first] = time[first]
        stored = np.flatnonzero(self._stored_before & (self._new > 0))
        previous[self._first[stored]] = self._table.last[self._row[stored]]
        restart = position[time - previous > self._ttl]
        begin = np.zeros(len(self._sequence), np.int64)
        begin[self._start] = self._start
        begin[restart] = restart
        return np.maximum.accumulate(begin)

    def due(self, until: int, purchases: Purchases | None = None) -> DueRows:
        """The rows at ranking times in (after, until].

        Args:
            until: the last ranking time.
            purchases: what users bought, if it counts. A user has another state where other
                purchases count.
        """
        # A user's last stored event stands before the new ones.
        count = self._new + self._stored_before
        owner = np.repeat(np.arange(len(self._user)), count)
        is_stored = np.zeros(len(owner), bool)
        is_stored[(np.cumsum(count) - count)[self._stored_before]] = True
        time = np.empty(len(owner), np.int64)
        time[is_stored] = self._table.last[self._row[self._stored_before]]
        time[~is_stored] = self._events.time
        last: int | Int64s = until
        if self._lives:
            last = np.minimum(until, self._lives[1][owner] - 1)
        owner, time = self._schedule.due(owner, time, self._after, last)
        end = self._start[owner] + self._stored[owner] + self._events_before(owner, time)
        bought = np.zeros((len(owner), 0), np.int64)
        if purchases:
            since = self._lives[0][owner] if self._lives else None
            bought = np.stack(purchases.counted(self._user[owner], time, since), axis=1)
        starts = run_starts(owner, end, *bought.T)
        is_next_state = np.zeros(len(owner), np.int64)
        is_next_state[starts[1:]] = 1
        items, length = self._histories(owner[starts], end[starts])
        states = States(self._user[owner[starts]], items, length)
        states = states.named(self._table.names, self._events.names)
        return DueRows(self._user[owner], time, np.cumsum(is_next_state), states, bought[starts])

    def changed(self) -> HistoryTable:
        """The rows of the users with events, after the events."""
        owner = np.flatnonzero((self._new > 0) & self._goes_on())
        end = self._start[owner] + self._stored[owner] + self._new[owner]
        items, length = self._histories(owner, end)
        last = self._events.time[self._end[owner] - 1]
        changed = HistoryTable(self._user[owner], items, length, last)
        return changed.named(self._table.names, self._events.names)

    def recent(self, complete_until: int) -> RecentUsers:
        """The users who have a ranking time after `complete_until`, or may have."""
        last = np.zeros(len(self._user), np.int64)
        stored = self._stored_before
        last[stored] = self._table.last[self._row[stored]]
        with_events = self._new > 0
        last[with_events] = self._events.time[self._end[with_events] - 1]
        alive = self._goes_on()
        return RecentUsers.of(self._user[alive], last[alive], self._schedule, complete_until)

    def _goes_on(self) -> Bools:
        """Which sequences go on after the events: bool [n]."""
        return self._lives[1] == NEVER if self._lives else np.ones(len(self._user), bool)

    def _events_before(self, owner: Int64s, time: Int64s) -> Int64s:
        """How many new events each owner has before each time: int64 [n]."""
        if not len(self._events):
            return np.zeros(len(owner), np.int64)
        base = int(self._events.time.min())
        span = int(self._events.time.max()) - base + 2
        event_owner = np.repeat(np.arange(len(self._user)), self._new)
        keys = event_owner * span + (self._events.time - base)
        wanted = owner * span + np.clip(time - base, 0, span - 1)
        before_owner = np.cumsum(self._new) - self._new
        before: Int64s = np.searchsorted(keys, wanted) - before_owner[owner]
        return before

    def _histories(self, owner: Int64s, end: Int64s) -> tuple[Int64s, Int64s]:
        """The last items of each owner's sequence before position `end`.

        Returns:
            items int64 [n, h], padded with 0, and length int64 [n].
        """
        begin = self._begin[end - 1] if self._ttl else self._start[owner]
        length = np.minimum(end - begin, self._size)
        column = np.arange(self._size)
        valid: Bools = column < length[:, None]
        position = np.where(valid, (end - length)[:, None] + column, 0)
        if not len(self._sequence):
            return np.zeros((len(owner), self._size), np.int64), length
        return np.where(valid, self._sequence[position], 0), length
