"""Clicks as they come in: a simulated stream without an end, as the lines of a CSV file.

It is made by the hour, each hour from a seed of its own: what users remember does not reach
over the hour's end, which is hardly seen.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulation.arrival import arrive
from simulation.latents import Int64s
from simulation.malformed import malform
from simulation.model import World
from transforms.messages.events import BEHAVIORS, EventBatch

COLUMNS = ("user", "item", "behavior", "time")
HOUR = 3600
_SPARE = 1.2


@dataclass(frozen=True, slots=True)
class Flaws:
    """What a stream holds besides events on time, as shares of the events.

    Attributes:
        out_of_orderness: seconds by which an event may stand behind the newest before it.
        duplicates, malformed, late: shares.
        late_by: seconds by which late events are late, at least.
    """

    out_of_orderness: int = 10
    duplicates: float = 0.003
    malformed: float = 0.002
    late: float = 0.001
    late_by: int = 120


class LiveClicks:
    """A stream that is asked, again and again, for what has come since.

    Args:
        world: whose users click.
        rate: events a second of event time.
        start: event time at which it begins, seconds since the epoch.
        flaws: what else comes.
        seed: other seeds, other clicks.

    Raises:
        TooFewUsersError: `rate` is beyond what the users do.
    """

    def __init__(
        self, world: World, rate: float, start: int, flaws: Flaws | None = None, seed: int = 0
    ) -> None:
        self.out_of_orderness = (flaws or Flaws()).out_of_orderness
        self._world, self._rate, self._flaws = world, rate, flaws or Flaws()
        self._start, self._seed = start, seed
        self._hour = 0
        self._lines: list[bytes] = []
        self._moments: Int64s = np.empty(0, np.int64)
        self._make()

    def until(self, moment: int) -> list[bytes]:
        """The lines that came since the last call and before `moment` of event time."""
        taken: list[bytes] = []
        while True:
            count = int(np.searchsorted(self._moments, moment))
            taken += self._lines[:count]
            self._lines, self._moments = self._lines[count:], self._moments[count:]
            if len(self._lines) or moment <= self._start + self._hour * HOUR:
                return taken
            self._make()

    def _make(self) -> None:
        """The next hour."""
        start = self._start + self._hour * HOUR
        seed = self._seed + self._hour
        self._hour += 1
        count = round(self._rate * HOUR * _SPARE)
        events = self._world.stream(count, self._rate, start, seed)
        events = events.take(events.time < start + HOUR)
        rng = np.random.default_rng([seed, 3])
        flaws, n = self._flaws, len(events)
        arrivals = arrive(
            events,
            rng,
            flaws.out_of_orderness,
            duplicates=round(flaws.duplicates * n),
            late=round(flaws.late * n),
            late_by=flaws.late_by,
        )
        bad = malform(arrivals.events, round(flaws.malformed * n), rng)
        # An event comes when the newest before it comes.
        newest = np.maximum.accumulate(arrivals.events.time)
        self._moments = np.insert(newest, bad.before, newest[bad.before])
        self._lines = _spliced(arrivals.events, bad.before, bad.lines)


def _spliced(events: EventBatch, before: Int64s, lines: list[bytes]) -> list[bytes]:
    columns = (events.user, events.item, events.behavior, events.time)
    found = [
        f"{user},{item},{BEHAVIORS[code]},{time}".encode()
        for user, item, code, time in zip(*(c.tolist() for c in columns), strict=True)
    ]
    # From the end, so that the places before stay what they are.
    for place, line in zip(before[::-1].tolist(), reversed(lines), strict=True):
        found.insert(place, line)
    return found
