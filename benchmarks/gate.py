"""How often the gate promotes candidates that are better, and that are worse, by a known share.

    python -m benchmarks.gate --candidates 100 --lists 20000

States, the logging policy and logs are those of `benchmarks.estimates`. The model in use is the
logging policy without its exploration. A candidate ranks the same 20 items by a mixture of the true
appeal, which may count negatively, and an error of its own. The mixture is chosen so that the
candidate's true reward is that of the model in use, less or more by the effect. Each pair of a
better and a worse candidate is judged on a log of its own. Shares have 95% intervals (Clopper and
Pearson, 1934).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from rich.console import Console
from rich.table import Table
from scipy.stats import beta

from benchmarks.estimates import POOL, SIZE, States, draw_log, pool_of_states
from benchmarks.worlds import over_worlds
from rivulet.settings import ArgumentParser, option
from simulation.feedback import appeal, item_rewards, odds
from training.cli import run_command
from training.estimation.list_estimates import ListEstimator
from training.estimation.options import GAMMA, THRESHOLD
from training.estimation.rows import Floats, Int64s
from training.estimation.targets import RankedTarget
from training.promotion.gate import Limits, verdict

USERS, EVENTS = 1_500, 24_000
BETTER, WORSE = "better", "worse"


@dataclass(frozen=True)
class GateSettings:
    """Candidates.

    Attributes:
        candidates: candidates of each kind.
        lists: lists of each log, about.
        effect: relative difference of a candidate's true reward from that of the model in use.
        workers: logs at a time.
    """

    candidates: int = option(100, "N", least=2)
    lists: int = option(20_000, "LISTS", least=100)
    effect: float = option(0.05, "SHARE", above=0, most=0.5)
    workers: int | None = option(None, "N", least=1, shown="the number of processors")


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """What candidates are made of.

    Attributes:
        pool: states and the logging policy's best items.
        true: float64 [n, POOL], the items' true appeal.
        reward: float64 [n, POOL], the items' true expected reward.
    """

    pool: States
    true: Floats
    reward: Floats

    def value(self, places: Int64s) -> float:
        """The true mean reward of the lists of the items at places [n, SIZE] of the pool."""
        return float(np.take_along_axis(self.reward, places, axis=1).sum(axis=1).mean())

    def near(self, wanted: float, random: np.random.Generator) -> Int64s:
        """The places [n, SIZE] of a candidate's lists, with a true mean reward near `wanted`."""
        world = self.pool.world
        clusters = int(world.user_cluster.max()) + 1
        beliefs = random.normal(size=(clusters, world.items))
        noise = beliefs[world.user_cluster[self.pool.user - 1][:, None], self.pool.pool - 1]

        def places(angle: float) -> Int64s:
            score = np.cos(angle) * self.true + np.sin(angle) * noise
            return np.asarray(np.argsort(-score, axis=1, kind="stable")[:, :SIZE])

        low, high = 0.0, np.pi
        for _ in range(16):  # from the best order to its reverse the reward falls
            middle = (low + high) / 2
            low, high = (middle, high) if self.value(places(middle)) > wanted else (low, middle)
        return places(low)


@cache
def candidates_of() -> Candidates:
    """The material of the candidates; the same in every process."""
    pool = pool_of_states(USERS, EVENTS)
    true = appeal(pool.world, pool.user, pool.history, pool.pool).astype(np.float64)
    each = item_rewards(*odds(pool.world, pool.user, pool.history, pool.pool))
    return Candidates(pool, true, each.astype(np.float64))


def judged(options: GateSettings, seed: int) -> dict[str, bool]:
    """Whether the gate promotes a better and a worse candidate, on a log of their own."""
    material = candidates_of()
    pool = material.pool
    log, at = draw_log(pool, options.lists, seed)
    estimator = ListEstimator(log, THRESHOLD, GAMMA, 0.0, seed)
    used = np.broadcast_to(np.arange(SIZE), (len(pool.user), SIZE))
    before = material.value(used)
    found = {}

    def target(places: Int64s) -> RankedTarget:
        lists = np.take_along_axis(pool.pool, places, axis=1)[at]
        return RankedTarget(estimator.ids.rows(lists), log.length)

    for number, (name, sign) in enumerate(((BETTER, 1), (WORSE, -1))):
        random = np.random.default_rng([13, seed, number])
        places = material.near(before * (1 + sign * options.effect), random)
        apart = material.value(places) / before - 1
        if abs(apart - sign * options.effect) > options.effect / 10:
            raise ValueError(f"no candidate is {name} by {options.effect:.0%}: {apart:+.1%}")
        found[name] = verdict(estimator, target(places), target(used), (), Limits()).passes
    return found


def share(count: int, runs: int) -> str:
    """A share with its 95% interval."""
    low = 0.0 if not count else float(beta.ppf(0.025, count, runs - count + 1))
    high = 1.0 if count == runs else float(beta.ppf(0.975, count + 1, runs - count))
    return f"{count} of {runs} ({low:.1%} to {high:.1%})"


def main(argv: list[str] | None = None) -> int:
    """Runs the command; its exit status."""
    parser = ArgumentParser(prog="python -m benchmarks.gate", description=__doc__)
    parser.add_settings(GateSettings)
    options = parser.settings_of(GateSettings, parser.parse_args(argv))
    candidates_of()
    logs = [(options, seed) for seed in range(options.candidates)]
    found = over_worlds(judged, logs, options.workers, "logs", fork=True)
    title = f"logs of {options.lists:,} lists, pools of {POOL} items"
    table = Table("candidates", "promoted", title=title)
    for name in (BETTER, WORSE):
        count = sum(each[name] for each in found)
        table.add_row(f"{name} by {options.effect:.0%}", share(count, len(found)))
    Console().print(table)
    return 0


if __name__ == "__main__":
    run_command(main)
