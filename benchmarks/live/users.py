"""The users of the live loop: they get their lists from the API and react, by the clock.

    python -m benchmarks.live.users --api URL --clicks kafka://HOST:PORT/TOPIC --truth FILE

The users are `simulation.responsive`'s. A step of event time M is played AHEAD seconds before the
clock is at M: the API notes an impression with the clock's time, and reactions come after it. FILE
gets a line for each step: M, the number of lists that were given, the sum of their true expected
rewards, the sum that the myopic oracle's lists would have in the same states, and the clock's time
less M when the lists were there. Above 0 the step was late: what users did may be before the
impressions, so that it is not credited to the lists.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.options import read_settings
from pipelines.respond.lists import open_lists
from pipelines.respond.outputs import open_output
from pipelines.respond.run import respond
from rivulet.settings import option
from simulation.effects import Effects
from simulation.feedback import known_items
from simulation.latents import Int64s
from simulation.model import World
from simulation.responsive import Reactions, ResponsiveWorld
from simulation.responsive.oracles import Oracle

AHEAD = 5.0
"""Seconds of the clock by which a step is played before its event time."""
BEGIN = 20
"""Seconds of event time until the first event: the world is made meanwhile."""
PERIOD = 10
"""Seconds between two lists of a user."""
SIZE = 8
AGE = 120
HOURS = 2
TIMEOUT = 30.0


@dataclass(frozen=True)
class UserSettings:
    """Users.

    Attributes:
        api: address of the API.
        clicks: topic of the events.
        truth: file for what lists truly earn.
        users: number of users.
        items: number of items.
        clusters: number of clusters of users and items.
        rate: the users' own events a second.
        world_seed: seed of users and items.
        seed: seed of what they do.
    """

    api: str = option(metavar="URL")
    clicks: str = option(metavar="URL")
    truth: Path = option(metavar="FILE")
    users: int = option(1_200, "N", least=1)
    items: int = option(200, "N", least=20)
    clusters: int = option(6, "N", least=1)
    rate: float = option(36.0, "EVENTS", above=0)
    world_seed: int = option(3, "N", least=0)
    seed: int = option(2, "N", least=0)


class Measured(ResponsiveWorld):
    """A world that says what the lists that are seen earn, and what the oracle's would earn.

    Args:
        world: users and items.
        start: time of the first events, in seconds since the epoch.
        chosen: the settings.
        clock: seconds since the epoch.
    """

    def __init__(
        self,
        world: World,
        start: int,
        chosen: UserSettings,
        clock: Callable[[], float] = time.time,
    ) -> None:
        events = int(chosen.rate * 3_600 * HOURS)
        effects = Effects(attention=1.0, session=1.0)
        super().__init__(world, effects, events, chosen.rate, start, chosen.seed, PERIOD)
        self._oracle = Oracle(self, SIZE)
        self._file = chosen.truth.open("w", encoding="ascii")
        self._clock = clock

    def show(self, users: Int64s, times: Int64s, lists: Int64s) -> Reactions:
        """As in `ResponsiveWorld`."""
        shown = np.flatnonzero((lists > 0).any(axis=1))
        if len(shown):
            who, when = users[shown], times[shown]
            given = np.where(known_items(self.world, lists[shown]), lists[shown], 0)
            best = self._oracle(who, when, self.memory.history[who - 1])
            sums = [float(self.expected_reward(who, when, each).sum()) for each in (given, best)]
            late = self._clock() - float(when[0])
            row = f"{int(when[0])},{len(shown)},{sums[0]:.6f},{sums[1]:.6f},{late:.3f}\n"
            self._file.write(row)
            self._file.flush()
        return super().show(users, times, lists)


def by_the_clock(
    ahead: float,
    clock: Callable[[], float] = time.time,
    sleep: Callable[[float], None] = time.sleep,
) -> Callable[[int], None]:
    """Waits until the clock is `ahead` seconds before an event time."""

    def wait(moment: int) -> None:
        sleep(max(0.0, moment - ahead - clock()))

    return wait


def main() -> int:
    """Plays the users until the process is ended."""
    chosen = read_settings("live.users", __doc__, UserSettings)
    world = World.make(chosen.world_seed, chosen.users, chosen.items, chosen.clusters)
    start = math.ceil((time.time() + BEGIN) / PERIOD) * PERIOD
    measured = Measured(world, start, chosen)
    lists = open_lists(chosen.api, TIMEOUT)
    clicks = open_output(chosen.clicks, None)
    respond(measured, lists, clicks, None, SIZE, AGE, by_the_clock(AHEAD))
    clicks.close(complete=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
