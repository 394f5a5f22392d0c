"""Error of the off-policy estimators, and how often their intervals hold the truth.

    python -m benchmarks.estimates --logs 200 --lists 10000
    python -m benchmarks.estimates --logs 20 --lists 100000

A pool of states comes from a stream of 4,000 simulated users (`simulation.shown.states`). A log
has the states of users drawn from the pool with replacement, so that the truth, the mean expected
reward (`simulation.feedback`) over the pool, is known. The logging policy ranks by the appeal that
it believes in (the true one and an error of its own). It shows its 4 best items, and 4 of its next
16, each with the probability 1/4 (systematic sampling). The policy that is estimated ranks the same
20 by another belief: all that it shows is supported.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.worlds import over_worlds
from rivulet.settings import ArgumentParser, option
from simulation.feedback import appeal, expected_reward, rewards
from simulation.model import World
from simulation.shown import states
from training.cli import run_command
from training.estimation.list_estimates import ListEstimator
from training.estimation.list_log import ListLog
from training.estimation.measure import Case, estimates_of
from training.estimation.options import GAMMA, THRESHOLD
from training.estimation.report import Estimate
from training.estimation.rows import Floats, Int64s
from training.estimation.targets import RankedTarget

USERS, ITEMS, EVENTS = 4_000, 1_000, 120_000
SURE, POOL, SIZE = 4, 20, 8
ERROR = 1.0
NAMES = ("ips", "snips", "dm", "dr", "switch-dr", "rips")


@dataclass(frozen=True)
class EstimatesSettings:
    """Logs.

    Attributes:
        logs: number of logs.
        lists: lists of each log, about.
        workers: logs at a time.
    """

    logs: int = option(200, "N", least=2)
    lists: int = option(10_000, "LISTS", least=100)
    workers: int | None = option(None, "N", least=1, shown="the number of processors")


@dataclass(frozen=True, slots=True, eq=False)
class States:
    """The pool, ordered by user.

    Attributes:
        world: users and items.
        user: int64 [n].
        history: int64 [n, 10].
        pool: int64 [n, POOL], ids of items by the logging policy's belief, best first.
        target: int64 [n, SIZE], the list of the policy that is estimated.
        truth: its true mean reward.
        first: int64 [users + 1], where each user's states begin.
    """

    world: World
    user: Int64s
    history: Int64s
    pool: Int64s
    target: Int64s
    truth: float
    first: Int64s


@cache
def pool_of_states(users: int = USERS, events: int = EVENTS) -> States:
    """The pool of a stream's states; the same in every process."""
    world = World.make(0, users, ITEMS)
    user, _, history = states(world.stream(events, users / 32, seed=1))
    random = np.random.default_rng(2)
    clusters = int(world.user_cluster.max()) + 1
    beliefs = random.normal(scale=ERROR, size=(2, clusters, ITEMS))
    pools = np.empty((len(user), POOL), np.int64)
    targets = np.empty((len(user), SIZE), np.int64)
    for start in range(0, len(user), 4_096):
        part = slice(start, start + 4_096)
        lists = np.arange(1, ITEMS + 1)[None]
        true = appeal(world, user[part], history[part], lists).astype(np.float64)
        cluster = world.user_cluster[user[part] - 1]
        believed = true + beliefs[0, cluster]
        row, place = np.nonzero(history[part] > 0)
        believed[row, history[part][row, place] - 1] = -np.inf
        pools[part] = np.argsort(-believed, axis=1, kind="stable")[:, :POOL] + 1
        own = np.take_along_axis(true + beliefs[1, cluster], pools[part] - 1, axis=1)
        best = np.argsort(-own, axis=1, kind="stable")[:, :SIZE]
        targets[part] = np.take_along_axis(pools[part], best, axis=1)
    truth = float(expected_reward(world, user, history, targets).astype(np.float64).mean())
    first = np.flatnonzero(np.r_[True, np.diff(user) != 0, True])
    return States(world, user, history, pools, targets, truth, first)


def draw_lists(pool: Int64s, random: np.random.Generator) -> tuple[Int64s, Floats]:
    """Lists of the logging policy, [n, SIZE], and the probabilities of their items."""
    n, drawn = len(pool), SIZE - SURE
    order = np.argsort(random.random((n, POOL - SURE)), axis=1) + SURE
    # A point in each quarter of a random order: every item has the probability 1/4.
    step = (POOL - SURE) // drawn
    chosen = random.integers(step, size=(n, 1)) + step * np.arange(drawn)
    late = np.take_along_axis(order, chosen, axis=1)
    places = np.hstack([np.broadcast_to(np.arange(SURE), (n, SURE)), late])
    chances = np.where(np.arange(SIZE) < SURE, 1.0, 1 / step)
    return np.take_along_axis(pool, places, axis=1), np.broadcast_to(chances, (n, SIZE)).copy()


def draw_log(pool: States, lists: int, seed: int) -> tuple[ListLog, Int64s]:
    """A log of about `lists` lists, and the states that it has, as positions in the pool."""
    random = np.random.default_rng([7, seed])
    users = len(pool.first) - 1
    length = np.diff(pool.first)
    chosen = random.integers(users, size=max(2, round(lists / float(length.mean()))))
    at = np.concatenate([np.arange(pool.first[user], pool.first[user + 1]) for user in chosen])
    # A user who is drawn twice is two users of the log, for clusters and successions.
    name = np.repeat(np.arange(len(chosen)), length[chosen])
    items, chances = draw_lists(pool.pool[at], random)
    history = pool.history[at]
    behavior = pool.world.sample_feedback(pool.user[at], history, items, random)
    n = len(at)
    log = ListLog(
        name, np.arange(n), history, np.full(n, history.shape[1]), items, np.full(n, SIZE),
        chances, rewards(behavior).astype(np.float64), np.ones(n, bool),
    )  # fmt: skip
    return log, at


def estimates_in(lists: int, seed: int) -> list[Estimate]:
    """The estimates of one log."""
    pool = pool_of_states()
    log, at = draw_log(pool, lists, seed)
    estimator = ListEstimator(log, THRESHOLD, GAMMA, 0.0, seed)
    target = RankedTarget(estimator.ids.rows(pool.target[at]), log.length)
    case = Case("policy", 0.0, len(log), len(log), 0.0)
    return list(estimates_of(case, estimator.rows(target), NAMES, THRESHOLD))


def main(argv: list[str] | None = None) -> int:
    """Runs the command; its exit status."""
    parser = ArgumentParser(prog="python -m benchmarks.estimates", description=__doc__)
    parser.add_settings(EstimatesSettings)
    options = parser.settings_of(EstimatesSettings, parser.parse_args(argv))
    truth = pool_of_states().truth
    logs = [(options.lists, seed) for seed in range(options.logs)]
    found = over_worlds(estimates_in, logs, options.workers, "logs", fork=True)
    title = f"{options.logs} logs of {options.lists:,} lists; the truth is {truth:.4f} a list"
    table = Table("estimator", "relative RMSE", "relative bias", "held the truth", title=title)
    for place, name in enumerate(NAMES):
        intervals = [each[place].interval for each in found]
        error = np.array([each.value for each in intervals]) / truth - 1
        held = np.mean([each.low <= truth <= each.high for each in intervals])
        rmse = float(np.sqrt((error**2).mean()))
        table.add_row(name, f"{rmse:.2%}", f"{error.mean():+.2%}", f"{held:.1%}")
    Console().print(table)
    return 0


if __name__ == "__main__":
    run_command(main)
