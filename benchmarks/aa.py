"""How often an A/A test with looks at every hour gives a false alarm.

    python -m benchmarks.aa --runs 1000

The rewards are those of simulated users' lists (`simulation.shown`) over two days. Each run divides
the same users at random into two arms, which therefore do not differ, and looks at every hour
(`training.experiments.always_valid`). An alarm is a look at which the interval does not hold 0.
Shares have 95% intervals (Clopper and Pearson, 1934).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.gate import share
from benchmarks.options import read_settings
from rivulet.settings import option
from simulation.model import World
from simulation.shown import show
from training.cli import progress_console, run_command
from training.estimation.rows import Floats
from training.experiments.always_valid import Arm, difference
from training.experiments.arms import HOUR

HOURS = 48


@dataclass(frozen=True)
class AaSettings:
    """A/A tests.

    Attributes:
        runs: number of tests.
        users: users of the world.
        events: events of their stream.
    """

    runs: int = option(1_000, "N", least=2)
    users: int = option(2_000, "USERS", least=100)
    events: int = option(60_000, "EVENTS", least=1_000)


@dataclass(frozen=True, slots=True, eq=False)
class Users:
    """What users have earned up to each look.

    Attributes:
        reward: float64 [looks, users].
        present: bool [looks, users], whether the user has had a list.
    """

    reward: Floats
    present: np.ndarray

    @staticmethod
    def simulated(users: int, events: int, seed: int = 0) -> Users:
        """Users of a simulated world over two days."""
        world = World.make(seed, users)
        stream = world.stream(events, events / (HOURS * HOUR))
        lists = show(world, stream)
        row = np.unique(lists.user, return_inverse=True)[1]
        look = (lists.time - int(lists.time.min())) // HOUR
        shape = int(look.max()) + 1, int(row.max()) + 1
        reward, present = np.zeros(shape), np.zeros(shape, np.int64)
        np.add.at(reward, (look, row), lists.rewards.sum(axis=1))
        np.add.at(present, (look, row), 1)
        return Users(np.cumsum(reward, axis=0), np.cumsum(present, axis=0) > 0)

    def alarm(self, seed: int) -> bool:
        """Whether a test of two arms that do not differ says at any look that they do."""
        treated = np.random.default_rng([17, seed]).random(self.reward.shape[1]) < 0.5
        control, other = (
            Arm.of(self.reward[:, arm], self.present[:, arm]) for arm in (~treated, treated)
        )
        found = difference(control, other)
        return bool(((found.low > 0) | (found.high < 0)).any())


def main(argv: list[str] | None = None) -> int:
    """Runs the command; its exit status."""
    options = read_settings("aa", __doc__, AaSettings, argv)
    users = Users.simulated(options.users, options.events)
    runs = track(range(options.runs), "tests", console=progress_console, transient=True)
    alarms = sum(users.alarm(seed) for seed in runs)
    looks, count = users.reward.shape
    table = Table("tests with an alarm", title=f"{count:,} users, {looks} looks")
    table.add_row(share(alarms, options.runs))
    Console().print(table)
    return 0


if __name__ == "__main__":
    run_command(main)
