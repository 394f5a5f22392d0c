"""An unbounded simulated stream, as lines of CSV in arrival order.

The stream is simulated hour by hour, each hour with a seed of its own. Users' histories start empty
in each hour.
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
_MARGIN = 1.2


@dataclass(frozen=True, slots=True)
class Flaws:
    """The flaws of a stream.

    Attributes:
        out_of_orderness: maximum time by which events arrive out of order, in seconds.
        duplicates: duplicates, as a fraction of the events.
        malformed: malformed lines, as a fraction of the events.
        late: late events, as a fraction of the events.
        late_by: minimum lateness of late events, in seconds.
    """

    out_of_orderness: int = 10
    duplicates: float = 0.003
    malformed: float = 0.002
    late: float = 0.001
    late_by: int = 120


class LiveClicks:
    """A stream that is read in steps of event time.

    Args:
        world: the users and items.
        rate: events per second of event time.
        start: event time of the first event, in seconds since the epoch.
        flaws: the flaws of the stream.
        seed: the stream's seed.

    Raises:
        TooFewUsersError: `rate` is too high for the number of users.
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
        """The lines that arrive before the event time `moment`, without those of earlier calls."""
        lines: list[bytes] = []
        while True:
            count = int(np.searchsorted(self._moments, moment))
            lines += self._lines[:count]
            self._lines, self._moments = self._lines[count:], self._moments[count:]
            if len(self._lines) or moment <= self._start + self._hour * HOUR:
                return lines
            self._make()

    def _make(self) -> None:
        """Simulates the next hour."""
        start = self._start + self._hour * HOUR
        seed = self._seed + self._hour
        self._hour += 1
        count = round(self._rate * HOUR * _MARGIN)
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
        # An event arrives together with the latest event before it.
        newest = np.maximum.accumulate(arrivals.events.time)
        self._moments = np.insert(newest, bad.before, newest[bad.before])
        self._lines = _with_malformed(arrivals.events, bad.before, bad.lines)


def _with_malformed(events: EventBatch, before: Int64s, lines: list[bytes]) -> list[bytes]:
    columns = (events.user, events.item, events.behavior, events.time)
    found = [
        f"{user},{item},{BEHAVIORS[code]},{time}".encode()
        for user, item, code, time in zip(*(c.tolist() for c in columns), strict=True)
    ]
    # From the end, so that earlier positions do not change.
    for place, line in zip(before[::-1].tolist(), reversed(lines), strict=True):
        found.insert(place, line)
    return found
