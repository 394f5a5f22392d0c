"""What users do on their own: the events of `World.stream`, cut into sessions.

Lists change when these events happen and how many of a session happen, not what they are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from simulation.latents import Int64s
from simulation.model import World
from simulation.timeline import GAP_MAX
from transforms.messages.events import EventBatch

Int8s = npt.NDArray[np.int8]


@dataclass(frozen=True, slots=True, eq=False)
class Script:
    """Users' own events, ordered by user and time.

    Attributes:
        events: the events; users and items are ids.
        changed: the same users and times, with the users' other tastes.
        first: int64 [users + 1], the first row of each user.
        session_end: int64 [n], the row after the last one of a row's session.
    """

    events: EventBatch
    changed: EventBatch
    first: Int64s
    session_end: Int64s

    @staticmethod
    def make(
        world: World,
        changed: World | None,
        events: int,
        rate: float,
        start: int,
        seed: int,
        period: int,
        progress: Callable[[int], None] = lambda events: None,
    ) -> Script:
        """The script of `world.stream(events, rate, start, seed)`.

        Args:
            world: the users and items.
            changed: the users after their tastes have changed; None where none does.
            events: number of events.
            rate: events per second of event time.
            start: time of the first events, in seconds since the epoch.
            seed: the stream's seed.
            period: time between two lists, in seconds; longer breaks than this end a session.
            progress: called with the number of further events that are done.

        Raises:
            TooFewUsersError: `rate` is too high for the number of users.
        """
        own = _by_user(world.stream(events, rate, start, seed, progress))
        other = _by_user(changed.stream(events, rate, start, seed)) if changed else own
        first = np.searchsorted(own.user, np.arange(1, world.users + 2))
        last = np.ones(len(own), bool)  # rows that end a session
        apart = np.diff(own.time) > max(GAP_MAX, period)
        last[:-1] = apart | (own.user[1:] != own.user[:-1])
        ends = np.flatnonzero(last)
        session_end = ends[np.searchsorted(ends, np.arange(len(own)))] + 1
        return Script(own, other, first, session_end)


def _by_user(events: EventBatch) -> EventBatch:
    return events.take(np.argsort(events.user, kind="stable"))
