"""Ranking times: when users get a recommendation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from transforms.columns.ranges import expand_ranges
from transforms.messages.events import Int64s


@dataclass(frozen=True)
class Schedule:
    """Users get a recommendation at multiples of a period, as long as they are active.

    The ranking time T is due for a user who has an event in [T - window, T).

    Attributes:
        window: seconds of event time.
        period: seconds of event time between two ranking times.
    """

    window: int
    period: int

    def at_or_after(self, time: int) -> int:
        """The first ranking time that is not before `time`."""
        return -(-time // self.period) * self.period

    def last_for(self, time: int) -> int:
        """The last ranking time that is due because of an event at `time`."""
        return (time + self.window) // self.period * self.period

    def due(
        self, owner: Int64s, time: Int64s, after: int, until: int | Int64s
    ) -> tuple[Int64s, Int64s]:
        """Lists the ranking times in (after, until] that events make due.

        Args:
            owner: int64 [n], the user's number, ascending.
            time: int64 [n], times of events in seconds since the epoch, ascending within an owner.
            after: ranking times up to this one have been emitted.
            until: the last ranking time to list, of all owners or int64 [n], equal within one.

        Returns:
            The distinct (owner, ranking time), int64 [m] each, ascending.
        """
        first = np.maximum(time // self.period + 1, after // self.period + 1)
        last = np.minimum((time + self.window) // self.period, until // self.period)
        # Ranking times that the owner's previous event makes due are listed with that event.
        same_owner = owner[1:] == owner[:-1]
        first[1:] = np.where(same_owner, np.maximum(first[1:], last[:-1] + 1), first[1:])
        event, number = expand_ranges(first, np.maximum(last + 1, first))
        return owner[event], number * self.period
