"""Users' events: choices by the appeal, then the funnel."""

import numpy as np
import pytest

from simulation.latents import DECAY, MEMORY, MOMENTUM_WEIGHT, STALENESS, TASTE_WEIGHT
from simulation.model import DEFAULT_START, World
from simulation.timeline import timeline
from simulation.walk import Walk
from transforms.messages.events import EventBatch


@pytest.fixture(scope="module")
def world() -> World:
    return World.make(seed=4, users=2_000)


@pytest.fixture(scope="module")
def stream(world: World) -> EventBatch:
    return world.stream(200_000, rate=60.0)


def by_user(events: EventBatch) -> EventBatch:
    return events.take(np.lexsort((events.time, events.user)))


def test_every_cart_fav_and_buy_follows_a_view_of_the_item(stream: EventBatch) -> None:
    viewed: dict[int, int] = {}
    did: dict[int, int] = {}
    events = by_user(stream)
    for user, item, behavior in zip(
        events.user.tolist(), events.item.tolist(), events.behavior.tolist(), strict=True
    ):
        if behavior == 0:
            viewed[user], did[user] = item, 0
        else:
            assert viewed[user] == item
            assert behavior > did[user]
            did[user] = behavior


def test_users_choose_items_of_their_cluster(world: World, stream: EventBatch) -> None:
    own = world.user_cluster[stream.user - 1]
    chosen = world.category_cluster[world.item_category[stream.item - 1]]
    chance = np.bincount(own, minlength=10) @ np.bincount(chosen, minlength=10) / len(own) ** 2
    assert chance < 0.2
    assert np.mean(own == chosen) > 4 * chance


def test_bought_items_are_closer_to_the_users_taste(world: World, stream: EventBatch) -> None:
    taste, vector = world.user_taste[stream.user - 1], world.item_vector[stream.item - 1]
    affinity = np.einsum("nd,nd->n", taste, vector)
    assert affinity[stream.behavior == 3].mean() > affinity[stream.behavior == 0].mean() + 0.05
    shares = np.bincount(stream.behavior, minlength=4) / len(stream)
    assert 0.8 < shares[0] < 0.95
    assert shares[1] > shares[3] > 0.02


def test_the_next_item_is_near_the_last_ones(world: World, stream: EventBatch) -> None:
    events = by_user(stream)
    view = np.flatnonzero((events.behavior == 0) & (np.arange(len(events)) > 0))
    view = view[events.user[view] == events.user[view - 1]]
    here, before = events.item[view] - 1, events.item[view - 1] - 1
    near = np.einsum("nd,nd->n", world.item_vector[here], world.item_vector[before])
    # Another user's item of the same cluster: what taste alone would make near.
    cluster = world.user_cluster[events.user[view] - 1]
    order = np.argsort(cluster, kind="stable")
    other = np.empty_like(here)
    other[order] = np.roll(here[order], 1000)
    alone = np.einsum("nd,nd->n", world.item_vector[here], world.item_vector[other])
    assert near.mean() > alone.mean() + 0.1
    assert np.mean(here == before) < 0.05


def test_popularity_is_zipf_like(stream: EventBatch) -> None:
    counts = np.sort(np.bincount(stream.item))[::-1]
    top, middle = counts[:100], counts[100:500]
    assert top.sum() > 0.35 * counts.sum()
    slope = np.polyfit(np.log(np.arange(1, 301)), np.log(counts[:300]), 1)[0]
    assert -1.2 < slope < -0.4
    assert middle.min() > 0


def test_popularity_drifts_over_hours(world: World) -> None:
    now, soon, later = (world.exposure(1_700_000_000 + shift) for shift in (0, 60, 5_400))
    assert now.sum() == pytest.approx(1)
    assert np.abs(np.log(soon / now)).max() < 0.2
    assert np.abs(np.log(later / now)).mean() > 0.5
    rank = np.log(world.item_rank)
    slope = np.polyfit(rank, np.log(now), 1)[0]
    assert slope == pytest.approx(-0.9, abs=0.1)


def test_the_stream_drifts_with_the_exposure() -> None:
    world = World.make(seed=5, users=2_000, items=50, clusters=1)
    stream = world.stream(150_000, rate=15.0)
    begin, end = stream.time.min(), stream.time.max()
    early = np.bincount(stream.item[stream.time < begin + 900], minlength=51)[1:]
    late = np.bincount(stream.item[stream.time > end - 900], minlength=51)[1:]
    trend = np.log(world.exposure(end - 450.0) / world.exposure(begin + 450.0))
    seen = np.log((late + 1) / (early + 1))
    assert np.corrcoef(trend, seen)[0, 1] > 0.8


def test_the_streams_appeal_is_that_of_lists() -> None:
    # The appeal at the end of a stream equals the appeal of a list shown then.
    world = World.make(seed=2, users=40, items=150, clusters=5)
    rng = np.random.default_rng(0)
    line = timeline(rng, world.users, 3_000, 1.2, DEFAULT_START)
    walk = Walk(world, line, rng)
    items, _ = walk.run(lambda events: None)
    catalogue = np.arange(1, world.items + 1)[None]
    seen = 0
    for row, user in enumerate(walk._order.tolist()):
        last = items[line.user == user][-MEMORY:]
        if len(last) < MEMORY:
            continue
        seen += 1
        pull = TASTE_WEIGHT * world.user_taste[user]
        pull = pull + MOMENTUM_WEIGHT * walk._trace[row] * (1 - DECAY) / (1 - DECAY**MEMORY)
        stale = np.isin(catalogue[0] - 1, walk._recent[:, row])
        wanted = world.item_vector @ pull - STALENESS * stale
        got = world.appeal(np.array([user + 1]), last[None] + 1, catalogue)[0]
        assert got == pytest.approx(wanted, abs=1e-3)
    assert seen > 20
