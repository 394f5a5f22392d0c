"""Whether planning pays: one learner with and without gamma, and a bandit, in worlds that answer.

    python -m benchmarks.planning --worlds 5

In each world the users first see nothing, and a first model learns from what they do. It then shows
lists for some days and explores, and everyone learns from that one log: REINFORCE with gamma 0,
REINFORCE with gamma above 0, whose items are credited with what they add to the rewards of the
coming lists (`training.algorithms.slate_credit`), and linear Thompson sampling. Each then shows its
own lists to the same users for a month. The table has the rewards a user and month, and how much
more the planner earns; intervals are of the mean over the worlds (Student's t, 95%), of differences
between two policies in the same world. It is made with the effects of lists on users
(`simulation.effects`), and with all of them at 0.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from benchmarks.loop.arms import Bandit, Learning, left_aligned
from benchmarks.loop.bandit import Thompson
from benchmarks.loop.explore import LastPlaces
from benchmarks.worlds import STUDENT, interval, over_worlds
from inference.models.info import ModelInfo
from inference.network.network import Network
from inference.policy import Policy
from rivulet.settings import ArgumentParser, option
from simulation.effects import Effects
from simulation.model import World
from simulation.options import DEFAULT_START
from simulation.responsive.oracles import Oracle
from simulation.responsive.play import Played, ShowLists, play
from simulation.responsive.world import ResponsiveWorld
from training.cli import run_command
from training.datasets.coming_lists import with_coming
from training.datasets.lists import ShownLists
from training.datasets.sequences import make_sequences
from training.datasets.shown_lists import Ragged, as_lists
from training.trainer.config import TrainConfig
from transforms.messages.events import EventBatch

SIZE = 8
DAY = 86_400
MONTH = 30
SESSION = 12.5
"""Mean number of own events in a session (`simulation.timeline`)."""
FIRST, MYOPIC, PLANNER, BANDIT, SHORT, LONG = (
    "first model", "REINFORCE, gamma 0", "REINFORCE, planning", "Thompson sampling",
    "myopic oracle", "planning oracle",
)  # fmt: skip


@dataclass(frozen=True)
class PlanningSettings:
    """Worlds.

    Attributes:
        worlds: number of worlds.
        users: users of each world.
        items: items of each world.
        alone: days in which users see no lists.
        logged: days in which the first model explores.
        session: the effect of satisfaction on sessions.
        return_rate: its effect on the breaks between them.
        gamma: the planner's discount.
        discount_time: time in which a value loses the factor gamma.
        epochs: epochs of REINFORCE.
        learning_rate: REINFORCE's.
        explored: places of a list that are drawn at random.
        pool: items that they are drawn from, the policy's best after the places before.
        worth: what the planning oracle pays for a unit of net exposure.
        oracles: show the oracles' lists for a month, too.
        workers: worlds at a time.
    """

    worlds: int = option(5, "N", least=2, most=len(STUDENT) + 1)
    users: int = option(400, "USERS", least=10)
    items: int = option(100, "ITEMS", least=40)
    alone: int = option(10, "DAYS", least=1)
    logged: int = option(20, "DAYS", least=1)
    session: float = option(2.0, "RATE", least=0, most=10)
    return_rate: float = option(2.0, "RATE", least=0, most=10)
    gamma: float = option(0.9, "SHARE", above=0, most=1)
    discount_time: int = option(21_600, "SECONDS", least=1)
    epochs: int = option(8, "EPOCHS", least=1)
    learning_rate: float = option(2e-3, "RATE", above=0)
    explored: int = option(4, "PLACES", least=1, most=SIZE)
    pool: int = option(40, "ITEMS", least=SIZE)
    worth: float = option(3.0, "REWARD", least=0)
    oracles: bool = option(False)
    workers: int = option(2, "N", least=1)


def month_in(options: PlanningSettings, seed: int, affected: bool) -> dict[str, float]:
    """The rewards a user and month of each policy, in the world of a seed."""
    torch.set_num_threads(1)
    base = World.make(seed, options.users, options.items)
    strength = {"session": options.session, "return_rate": options.return_rate}
    effects = Effects(attention=1, satisfaction_time=2 * DAY, **strength)
    if not affected:
        effects = Effects(attention=1)
    rate = options.users * SESSION / DAY
    days = options.alone + options.logged + MONTH
    # Satisfied users come back sooner, and must not run out of sessions of their own.
    world = ResponsiveWorld(base, effects, round(2.5 * rate * days * DAY), rate, seed=seed)
    begin = DEFAULT_START + options.alone * DAY
    events = play(world, until=begin).events
    data = make_sequences(events.user, events.item, events.behavior, events.time)
    config = replace(
        TrainConfig(),
        seed=seed,
        pretrain_epochs=10,
        epochs=options.epochs,
        learning_rate=options.learning_rate,
        batch_size=128,
    )
    first = Learning(data, config)
    explore = LastPlaces(SIZE, options.explored, options.pool, seed)
    deployed = begin + options.logged * DAY
    log, played = explored(world, first, explore, deployed)
    shows: dict[str, ShowLists] = {FIRST: shower(policy_of(first, first.first))}
    for name, gamma in ((MYOPIC, 0.0), (PLANNER, options.gamma)):
        network = learnt(first, replace(config, gamma=gamma), log, options.discount_time)
        shows[name] = shower(policy_of(first, network))
    bandit = Bandit(thompson(base, events, seed), SIZE)
    bandit.learn(played)
    shows[BANDIT] = lambda users, times, histories: bandit.deployed(users, histories)
    until = deployed + MONTH * DAY
    found = {name: month(copy.deepcopy(world), show, until) for name, show in shows.items()}
    if options.oracles:
        for name, worth in ((SHORT, 0.0), (LONG, options.worth if affected else 0.0)):
            own = copy.deepcopy(world)
            found[name] = month(own, Oracle(own, SIZE, worth), until)
    return found


def explored(
    world: ResponsiveWorld, begin: Learning, explore: LastPlaces, until: int
) -> tuple[ShownLists, Played]:
    """The log of the first model's lists until a time, with what was drawn."""
    policy = policy_of(begin, begin.first)
    chances: dict[tuple[int, int], np.ndarray] = {}

    def show(users: np.ndarray, times: np.ndarray, histories: np.ndarray) -> np.ndarray:
        rows, lengths = left_aligned(histories)
        best = np.asarray(policy.rank(users, rows, lengths, explore.depth).items)
        lists, chance = explore.lists(users, times, best)
        chances.update(zip(zip(users.tolist(), times.tolist(), strict=True), chance, strict=True))
        return lists

    played = play(world, show, until)
    keys = zip(played.users.tolist(), played.times.tolist(), strict=True)
    drawn = np.array([chances[key] for key in keys])
    rows, lengths = left_aligned(played.histories)
    whole = np.full(len(played), SIZE)
    lists, propensities, rewards = (
        Ragged.of_matrix(column, whole) for column in (played.lists, drawn, played.rewards)
    )
    history = Ragged.of_matrix(rows, lengths)
    log = as_lists(
        begin.sequences, played.users, history, lists, propensities, rewards, times=played.times
    )
    return log, played


def learnt(begin: Learning, config: TrainConfig, log: ShownLists, unit: int) -> Network:
    """What REINFORCE makes of a log, from the first model on."""
    coming = with_coming(log, config.list_gamma(0.0), unit)
    trainer = replace(begin.trainer(coming), config=config)
    return trainer.learn(copy.deepcopy(begin.first))[0]


def policy_of(begin: Learning, network: Network) -> Policy:
    """A network that ranks."""
    data = begin.sequences
    return Policy(network, data.items, data.users, ModelInfo("reinforce", "0", network.sizes))


def shower(policy: Policy) -> ShowLists:
    """A policy's own lists."""

    def show(users: np.ndarray, times: np.ndarray, histories: np.ndarray) -> np.ndarray:
        del times
        rows, lengths = left_aligned(histories)
        return np.asarray(policy.rank(users, rows, lengths, SIZE).items)

    return show


def thompson(base: World, events: EventBatch, seed: int) -> Thompson:
    """A bandit that knows the users' events before the first list."""
    return Thompson(events, base.users, base.items, base.item_category, seed)


def month(world: ResponsiveWorld, show: ShowLists, until: int) -> float:
    """The rewards a user of the lists until a time."""
    return float(play(world, show, until).rewards.sum()) / world.world.users


def table(found: list[dict[str, float]], title: str) -> Table:
    """The rewards a user and month, and what the planner earns more."""
    shown = Table("policy", "rewards a user and month", "the planner earns more", title=title)
    for name in found[0]:
        more = [100 * (each[PLANNER] / each[name] - 1) for each in found]
        shown.add_row(
            name,
            interval([each[name] for each in found]),
            "" if name == PLANNER else interval(more) + " %",
        )
    return shown


def main(argv: list[str] | None = None) -> int:
    """Runs the command; its exit status."""
    parser = ArgumentParser(prog="python -m benchmarks.planning", description=__doc__)
    parser.add_settings(PlanningSettings)
    options = parser.settings_of(PlanningSettings, parser.parse_args(argv))
    n = options.worlds
    cases = [(options, seed, affected) for affected in (True, False) for seed in range(n)]
    found = over_worlds(month_in, cases, options.workers)
    Console().print(table(found[:n], "with effects"))
    Console().print(table(found[n:], "without effects"))
    return 0


if __name__ == "__main__":
    run_command(main)
