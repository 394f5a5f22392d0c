"""What users bought: the state of a shard, and the purchases that count at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rivulet.limits import BOUGHT_LIMIT
from transforms.columns.frames import Frame, coded
from transforms.columns.ranges import expand_ranges, run_starts
from transforms.histories.table import look_up
from transforms.messages.behaviors import BEHAVIORS
from transforms.messages.events import EventBatch, Int64s
from transforms.messages.exclusions import Exclusions

BUY = BEHAVIORS.index("buy")


@coded
@dataclass(frozen=True, slots=True, eq=False)
class BoughtTable(Frame):
    """Purchases of a shard's users, by (user, time, item).

    Attributes:
        user: int64 [n].
        item: int64 [n].
        time: int64 [n], seconds since the epoch.
    """

    user: Int64s
    item: Int64s
    time: Int64s

    @staticmethod
    def empty() -> BoughtTable:
        """No purchases."""
        none = np.empty(0, np.int64)
        return BoughtTable(none, none, none)

    def counting_after(
        self, complete_until: int, seconds: int, limit: int = BOUGHT_LIMIT
    ) -> BoughtTable:
        """The purchases that may count at a time after `complete_until`.

        Args:
            complete_until: seconds since the epoch.
            seconds: how long a purchase counts.
            limit: how many of a user's last purchases count.
        """
        starts = run_starts(self.user)
        ends = np.append(starts, len(self))[1:]
        from_end = np.repeat(ends, ends - starts) - np.arange(len(self))
        keep = (from_end <= limit) & (self.time > complete_until - seconds)
        return self if keep.all() else self.take(keep)


class Purchases:
    """Stored purchases and new ones.

    At a time T, those of a user's last `limit` purchases before T count that are in
    [T - seconds, T). Both bounds depend on the events alone, not on when state is written.

    Args:
        table: the stored purchases, each before all new events of its user.
        events: new events, by (user, time, item).
        seconds: how long a purchase counts.
        limit: how many of a user's last purchases count.
    """

    def __init__(
        self, table: BoughtTable, events: EventBatch, seconds: int, limit: int = BOUGHT_LIMIT
    ) -> None:
        self._table, self._seconds, self._limit = table, seconds, limit
        buys = events.take(events.behavior == BUY)
        self._new = BoughtTable(buys.user, buys.item, buys.time)
        self._all: BoughtTable | None = None

    def _merged(self) -> BoughtTable:
        if self._all is None:
            if len(self._new):
                # A user's new purchases follow the stored ones; both are in order.
                at = np.searchsorted(self._table.user, self._new.user, side="right")
                pairs = zip(self._table.columns(), self._new.columns(), strict=True)
                self._all = BoughtTable(*(np.insert(was, at, new) for was, new in pairs))
            else:
                self._all = self._table
        return self._all

    def counted(
        self, user: Int64s, time: Int64s, since: Int64s | None = None
    ) -> tuple[Int64s, Int64s]:
        """The purchases that count for users at times.

        Args:
            user: int64 [n].
            time: int64 [n], seconds since the epoch.
            since: int64 [n], purchases before this time do not count; None: all count.

        Returns:
            First and end place of each range of purchases, int64 [n] each.
        """
        rows = self._merged()
        if not len(rows):
            none = np.zeros(len(user), np.int64)
            return none, none
        starts = run_starts(rows.user)
        number, found = look_up(rows.user[starts], user)
        base = int(rows.time.min())
        span = int(rows.time.max()) - base + 2
        runs = np.diff(np.append(starts, len(rows)))
        keys = np.repeat(np.arange(len(starts)), runs) * span + (rows.time - base)

        def before(moment: Int64s) -> Int64s:
            return np.searchsorted(keys, number * span + np.clip(moment - base, 0, span - 1))

        end = np.where(found, before(time), 0)
        begin = time - self._seconds if since is None else np.maximum(time - self._seconds, since)
        first = np.maximum(before(begin), end - self._limit)
        return np.where(found, np.minimum(np.maximum(first, starts[number]), end), 0), end

    def exclusions(self, first: Int64s, end: Int64s) -> Exclusions:
        """The items of ranges of purchases, as `counted` gives them."""
        length = end - first
        items = np.zeros((len(length), int(length.max(initial=0))), np.int64)
        owner, place = expand_ranges(first, end)
        items[owner, place - first[owner]] = self._merged().item[place]
        return Exclusions(items, length)

    @property
    def new(self) -> BoughtTable:
        """The new purchases."""
        return self._new
