"""The rounds of all arms in one world."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from benchmarks.loop.arms import Arm, Bandit, Learning, Learnt
from benchmarks.loop.bandit import Thompson
from benchmarks.loop.explore import LastPlaces
from benchmarks.worlds import STUDENT
from rivulet.settings import option
from simulation.effects import Effects
from simulation.feedback import best_lists
from simulation.model import World
from simulation.options import DEFAULT_START
from simulation.responsive.play import play
from simulation.responsive.world import ResponsiveWorld
from training.datasets.sequences import make_sequences
from training.trainer.config import TrainConfig

USER_RATE = 1 / 32
SIZE = 8
FIRST, GREEDY, CERTAIN, EXPLORING, BANDIT = (
    "first model", "REINFORCE", "rewards", "rewards, exploring", "Thompson sampling",
)  # fmt: skip


@dataclass(frozen=True)
class LoopSettings:
    """Worlds and rounds.

    Attributes:
        worlds: number of worlds.
        rounds: rounds of log, train and deploy.
        users: users of each world.
        items: items of each world.
        seconds: event time of a round.
        warm: event time before the first list.
        epochs: epochs of learning in each round.
        learning_rate: that of learning.
        batch_size: lists of a step.
        replay: lists of earlier rounds to learn from again, as a multiple of the round's.
        explored: places of a list that are drawn at random.
        pool: items that they are drawn from, the policy's best after the places before.
        share: share of the lists that are drawn in the first round; it falls as 1 / round.
        states: states in which true rewards are averaged.
        workers: worlds at a time.
    """

    worlds: int = option(5, "N", least=2, most=len(STUDENT) + 1)
    rounds: int = option(10, "N", least=1, most=100)
    users: int = option(100, "USERS", least=10)
    items: int = option(200, "ITEMS", least=40)
    seconds: int = option(1_800, "SECONDS", least=100)
    warm: int = option(1_200, "SECONDS", least=100)
    epochs: int = option(3, "EPOCHS", least=1)
    learning_rate: float = option(2e-3, "RATE", above=0)
    batch_size: int = option(256, "LISTS", least=1)
    replay: int = option(2, "TIMES", least=0)
    explored: int = option(2, "PLACES", least=1, most=SIZE)
    pool: int = option(24, "ITEMS", least=SIZE)
    share: float = option(0.5, "SHARE", above=0, most=1)
    states: int = option(1_000, "STATES", least=2)
    workers: int = option(2, "N", least=1)


@dataclass(frozen=True, slots=True)
class Rounds:
    """An arm's rounds in one world.

    Attributes:
        closed: share of the gap that each round's new policy has closed.
        regret: mean regret of the lists shown in each round.
    """

    closed: list[float]
    regret: list[float]


def rounds_in(options: LoopSettings, seed: int) -> dict[str, Rounds]:
    """All arms' rounds in the world of a seed."""
    torch.set_num_threads(1)
    base = World.make(seed, options.users, options.items)
    rate = options.users * USER_RATE
    # Streams of few users may be shorter than events / rate: the last round must have lists.
    span = 2 * (options.warm + options.seconds * (options.rounds + 1))

    def world() -> ResponsiveWorld:
        return ResponsiveWorld(base, Effects(attention=1), round(rate * span), rate, seed=seed)

    warm = DEFAULT_START + options.warm
    events = play(world(), until=warm).events
    data = make_sequences(events.user, events.item, events.behavior, events.time)
    config = replace(
        TrainConfig(),
        seed=seed,
        epochs=options.epochs,
        pretrain_epochs=10,
        learning_rate=options.learning_rate,
        batch_size=options.batch_size,
    )
    begin = Learning(data, config)
    none = LastPlaces(SIZE, 0, 0, seed)
    explore = LastPlaces(SIZE, options.explored, options.pool, seed, options.share)
    replay = options.replay
    first = Learnt(begin, none, frozen=True)
    bandit = Thompson(events, base.users, base.items, base.item_category, seed)
    arms: dict[str, Arm] = {
        FIRST: first,
        GREEDY: Learnt(begin, none, replay=replay),
        CERTAIN: Learnt(begin, none, algorithm="rewards", replay=replay),
        EXPLORING: Learnt(begin, explore, algorithm="rewards", replay=replay),
        BANDIT: Bandit(bandit, SIZE),
    }
    return {name: _run(options, base, world(), arm, first) for name, arm in arms.items()}


def _run(
    options: LoopSettings, base: World, world: ResponsiveWorld, arm: Arm, first: Arm
) -> Rounds:
    end = DEFAULT_START + options.warm
    play(world, until=end)  # users do not look at empty lists
    found = Rounds([], [])
    for number in range(options.rounds + 1):
        end += options.seconds
        played = play(world, arm.show, until=end)
        rng = np.random.default_rng([base.seed, number])
        at = rng.permutation(len(played))[: options.states]
        users, histories = played.users[at], played.histories[at]

        def value(lists: np.ndarray, users: np.ndarray = users, h: np.ndarray = histories) -> float:
            return float(base.expected_reward(users, h, lists).mean())

        oracle = value(best_lists(base, users, histories, SIZE))
        start, now = value(first.deployed(users, histories)), value(arm.deployed(users, histories))
        if number:  # the states are those after this many rounds of learning
            found.closed.append((now - start) / (oracle - start))
        if number < options.rounds:
            found.regret.append(oracle - value(played.lists[at]))
            arm.learn(played)
    return found
