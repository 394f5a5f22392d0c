"""The world that answers: at 0 it is the stream; with effects it is the one made by hand."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulation.effects import Effects
from simulation.files import write_stream
from simulation.latents import Int64s
from simulation.model import World
from simulation.options import DEFAULT_START
from simulation.responsive import ResponsiveWorld, play
from simulation.responsive.world import NEVER
from tests.simulation.responsive.by_hand import User
from transforms.messages.events import EventBatch

WORLD = World.make(seed=4, users=6, items=80, clusters=4)
EVENTS, RATE = 240, 6 / 32
ALL = Effects(
    attention=0.9, satiation=0.7, satiation_time=300, session=1.5, return_rate=1.0,
    satisfaction_time=900, delay=0.5, delay_time=400, new_items=0.3, drift=60,
)  # fmt: skip


def made(effects: Effects, seed: int = 1, period: int = 20) -> ResponsiveWorld:
    return ResponsiveWorld(WORLD, effects, EVENTS, RATE, seed=seed, period=period)


def tasty(users: Int64s, times: Int64s, histories: Int64s) -> Int64s:
    """Six items that the user likes, which depend on the time and the history."""
    del histories
    ranked = np.argsort(-(WORLD.user_taste @ WORLD.item_vector.T), axis=1, kind="stable") + 1
    first = times // 20 % 5
    return ranked[users - 1][np.arange(len(users))[:, None], first[:, None] + np.arange(6)]


def rows(events: EventBatch) -> list[tuple[int, ...]]:
    columns = (events.time, events.user, events.item, events.behavior)
    return list(zip(*(column.tolist() for column in columns), strict=True))


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 1_000), period=st.integers(4, 60), lists=st.booleans())
def test_at_0_it_is_the_stream(seed: int, period: int, lists: bool) -> None:
    got = play(made(Effects(), seed, period), tasty if lists else None)
    assert rows(got.events) == rows(WORLD.stream(EVENTS, RATE, seed=seed))
    assert not got.rewards.any()


def test_at_0_the_file_is_byte_for_byte_the_streams(tmp_path: Path) -> None:
    write_stream(play(made(Effects())).events, None, str(tmp_path / "lists.csv"))
    write_stream(WORLD.stream(EVENTS, RATE, seed=1), None, str(tmp_path / "stream.csv"))
    assert (tmp_path / "lists.csv").read_bytes() == (tmp_path / "stream.csv").read_bytes()


ONE_EACH = [
    Effects(attention=1), Effects(attention=1, satiation=2), Effects(attention=1, session=3),
    Effects(attention=1, return_rate=2), Effects(attention=1, delay=1), Effects(new_items=0.5),
    Effects(drift=200), ALL,
]  # fmt: skip


@pytest.mark.parametrize("effects", ONE_EACH)
def test_it_is_the_world_made_by_hand(effects: Effects) -> None:
    world = made(effects)
    got = play(world, tasty)
    events, lists = [], []
    for user in range(1, WORLD.users + 1):
        one = User(world, user)
        one.run(lambda u, t, h: tasty(np.array([u]), np.array([t]), np.array([h]))[0].tolist())
        events += one.events
        lists += [(time, user, shown, reward) for time, shown, reward in one.lists]
    assert sorted(set(events)) == sorted(rows(got.events))
    columns = (got.times, got.users, got.lists, got.rewards.sum(axis=1))
    assert sorted(lists) == sorted(zip(*(column.tolist() for column in columns), strict=True))
    assert got.rewards.any() == bool(effects.attention)


def test_it_does_not_depend_on_how_users_are_grouped() -> None:
    whole = play(made(ALL), tasty)
    world, parts = made(ALL), []
    tick = DEFAULT_START // 20 * 20
    while (world.due != NEVER).any() or len(world.pending):
        tick += 20
        ready = np.union1d(np.flatnonzero(world.due == tick) + 1,
                           world.pending.user[world.pending.time < tick])  # fmt: skip
        parts.append(world.advance(ready, np.full(len(ready), tick)))
        assert not len(parts[-1]) or parts[-1].time.min() >= tick - 20
        users = np.flatnonzero(world.due == tick) + 1
        times = np.full(len(users), tick)
        world.show(users, times, tasty(users, times, world.memory.history[users - 1]))
    assert sorted(rows(EventBatch.concat(parts))) == sorted(rows(whole.events))


def test_it_stops_at_a_time_and_goes_on_from_there() -> None:
    world = made(ALL)
    half = play(world, tasty, until=DEFAULT_START + 600)
    rest = play(world, tasty)
    whole = play(made(ALL), tasty)
    assert half.events.time.max() < DEFAULT_START + 600 <= rest.events.time.min()
    assert rows(half.events) + rows(rest.events) == rows(whole.events)
    assert len(half) + len(rest) == len(whole)


def test_rewards_have_the_expected_rewards_as_their_mean() -> None:
    effects = Effects(attention=1, satiation=0.1, satiation_time=60)
    world = ResponsiveWorld(WORLD, effects, 1_500, RATE, seed=3)
    expected = []
    got = play(world, tasty, observe=lambda *step: expected.append(world.expected_reward(*step)))
    mean = np.concatenate(expected)
    error = np.sqrt(got.rewards.sum(axis=1).var() / len(got))
    assert abs(got.rewards.sum(axis=1).mean() - mean.mean()) < 4 * error
    assert mean.mean() > 0.2


def test_without_later_effects_expected_rewards_are_those_of_the_model() -> None:
    world = made(Effects(attention=1))
    expected = []
    got = play(world, tasty, observe=lambda *step: expected.append(world.expected_reward(*step)))
    mean = WORLD.expected_reward(got.users, got.histories, got.lists).sum()
    assert np.concatenate(expected).sum() == pytest.approx(mean, rel=1e-4)


def test_items_that_do_not_exist_are_not_viewed() -> None:
    strange = np.array([0, -5, 81, 2**62, 3, 3])
    got = play(made(ALL), lambda users, times, histories: np.tile(strange, (len(users), 1)))
    assert (got.behaviors[:, [0, 1, 2, 3, 5]] == -1).all()
    assert (got.behaviors[:, 4] >= 0).any()


def test_a_period_without_room_for_the_reactions_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 4"):
        made(Effects(), period=3)
