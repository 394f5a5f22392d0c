"""The oracles: the myopic one is the best at the moment; none earns more than the bound."""

import numpy as np
import pytest

from simulation.effects import Effects
from simulation.feedback import best_lists
from simulation.model import World
from simulation.responsive import Played, ResponsiveWorld, play
from simulation.responsive.oracles import Oracle, most_of_a_list

WORLD = World.make(seed=4, users=20, items=120, clusters=4)
RATE = 20 / 32
DEEP = Effects(attention=1, session=1, return_rate=0.5, satisfaction_time=3_600)


def run(effects: Effects, worth: float, pinned: float | None = None, events: int = 1_000) -> Played:
    world = ResponsiveWorld(WORLD, effects, events, RATE, seed=2, pinned=pinned)
    return play(world, Oracle(world, 6, worth))


def test_the_myopic_oracle_is_best_at_the_moment() -> None:
    effects = Effects(attention=1, satiation=0.5, new_items=0.2, drift=20)
    world = ResponsiveWorld(WORLD, effects, 500, RATE, seed=2)
    oracle, rng = Oracle(world, 6), np.random.default_rng(0)

    def compare(users: np.ndarray, times: np.ndarray, lists: np.ndarray) -> None:
        best = world.expected_reward(users, times, lists)
        for place in range(6):  # no other item in a place earns more
            other = lists.copy()
            other[:, place] = rng.integers(1, 121, len(users))
            fresh = (other[:, place, None] != world.memory.history[users - 1]).all(axis=1)
            gain = world.expected_reward(users, times, other) - best
            assert (gain[fresh] < 1e-4).all()

    assert len(play(world, oracle, observe=compare)) > 100


def test_it_is_the_best_list_of_the_model_without_effects() -> None:
    got = run(Effects(attention=1), 0)
    best = WORLD.expected_reward(
        got.users, got.histories, best_lists(WORLD, got.users, got.histories, 6)
    )
    own = WORLD.expected_reward(got.users, got.histories, got.lists)
    assert own == pytest.approx(best, abs=1e-4)


def test_planning_earns_more_only_where_lists_have_later_effects() -> None:
    end = 2_000
    myopic, planned = (earned(DEEP, worth, end) for worth in (0.0, 3.0))
    assert planned > 1.1 * myopic
    plain = Effects(attention=1)
    assert earned(plain, 3.0, end) < earned(plain, 0.0, end)


def earned(effects: Effects, worth: float, seconds: int) -> float:
    world = ResponsiveWorld(WORLD, effects, 6_000, RATE, seed=2)
    start = int(world.due.min())
    return float(play(world, Oracle(world, 6, worth), until=start + seconds).rewards.sum())


def test_no_oracle_earns_more_than_the_bound() -> None:
    most = most_of_a_list(WORLD, 6)
    for worth in (0.0, 3.0):
        got = run(DEEP, worth)
        mean = WORLD.expected_reward(got.users, got.histories, got.lists)
        assert (mean <= most[got.users - 1] + 1e-4).all()
    until = 1_767_603_600 + 1_500
    lists = []
    for pinned in (None, 1.0):
        world = ResponsiveWorld(WORLD, DEEP, 6_000, RATE, seed=2, pinned=pinned)
        lists.append(len(play(world, Oracle(world, 6, 3.0), until=until)))
    assert lists[0] <= lists[1]
