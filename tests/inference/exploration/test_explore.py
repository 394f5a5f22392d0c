"""Explored lists of a batch against the oracle, a row at a time."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from inference.exploration.explore import explore
from inference.exploration.names import EPSILON, SOFTMAX, parse_explore
from inference.exploration.rules import Exploration
from tests.oracle import exploration as oracle
from transforms.messages.events import EventBatch
from transforms.messages.ranked_lists import RankedLists
from transforms.messages.ranking import LAST_USER, RankingRequest, States, WorkUnit
from transforms.messages.recommendations import explored_places

SIZE, POOL = 4, 9
LABEL = b"reinforce-7"


def request_of(rows: list[tuple[int, int, int]], ranked: list[int]) -> RankingRequest:
    """A request with rows of (user, time, state); `ranked` are the states with enough history."""
    user, time, state = (np.array(column, np.int64) for column in zip(*rows, strict=True))
    first = np.flatnonzero(np.append(True, state[1:] != state[:-1]))
    states = States(user[first], np.arange(len(first))[:, None], np.ones(len(first), np.int64))
    none = np.zeros(0, np.int64)
    return RankingRequest(
        user, time, state, states, np.array(ranked, np.int64), np.full(len(rows), -1),
        np.zeros((0, 3), np.int64), none, WorkUnit(0, 1, LAST_USER, EventBatch.empty()),
    )  # fmt: skip


def pools_of(request: RankingRequest, lengths: list[int]) -> RankedLists:
    """Different items for each ranked state, with scores."""
    n = len(request.ranked)
    items = 100 * request.ranked[:, None] + np.arange(POOL) + 1
    scores = np.tile(np.linspace(0.9, 0.1, POOL) ** 2, (n, 1))
    length = np.array(lengths[:n], np.int64)
    items[np.arange(POOL) >= length[:, None]] = 0
    return RankedLists.deterministic(items, length, LABEL, scores)


def pooled(request: RankingRequest, pools: RankedLists, chosen: Exploration) -> RankedLists:
    """As the model handler gives them: short lists, and the pools of the users who explore."""
    explores = chosen.explores(request.states.user[request.ranked])
    row = np.where(explores, np.cumsum(explores) - 1, -1)
    return dataclasses.replace(pools.cut(SIZE), pool=pools.take(explores), pool_row=row)


@st.composite
def requests(draw: st.DrawFn) -> tuple[RankingRequest, RankedLists]:
    """Users with several ranking times, some of them with one state at several times."""
    rows, state = [], -1
    for user in sorted(draw(st.sets(st.integers(-5, 30), min_size=1, max_size=6))):
        times = sorted(draw(st.sets(st.integers(0, 6), min_size=1, max_size=4)))
        for place, time in enumerate(times):
            state += place == 0 or draw(st.booleans())
            rows.append((user, 20 * time, state))
    ranked = sorted(draw(st.sets(st.integers(0, state))))
    request = request_of(rows, ranked)
    lengths = [draw(st.integers(0, POOL)) for _ in ranked]
    return request, pools_of(request, lengths)


EXPLORATIONS = st.builds(
    Exploration,
    st.sampled_from([EPSILON, SOFTMAX]),
    st.sampled_from([0.05, 0.5, 1.0]),
    st.sampled_from([0.3, 1.0]),
    st.integers(1, SIZE),
    st.just(POOL),
    st.integers(0, 3),
)


def wanted_list(
    row: int, request: RankingRequest, pools: RankedLists, chosen: Exploration
) -> tuple[list[int], list[float]] | None:
    state = int(request.state_index[row])
    if state not in request.ranked.tolist():
        return None
    at = request.ranked.tolist().index(state)
    length = int(pools.length[at])
    pool = pools.items[at, :length].tolist()
    user, time = int(request.user[row]), int(request.time[row])
    if length <= SIZE or not oracle.explores(user, chosen.users, chosen.seed):
        return pool[:SIZE], [1.0] * min(length, SIZE)
    scores = None if pools.scores is None else pools.scores[at, SIZE - chosen.places : length]
    candidates = length - SIZE + chosen.places
    chances = (
        oracle.epsilon(candidates, chosen.places, chosen.amount)
        if chosen.design == EPSILON or scores is None
        else oracle.softmax(scores.tolist(), chosen.places, chosen.amount)
    )
    return oracle.explored_list(
        pool, oracle.whole(chances, chosen.places), SIZE, chosen.places,
        oracle.list_seed(user, time, LABEL, chosen.seed),
    )  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(requests(), EXPLORATIONS)
def test_every_row_has_the_oracles_list(
    given_: tuple[RankingRequest, RankedLists], chosen: Exploration
) -> None:
    request, pools = given_
    if not chosen.needs_scores:
        pools = dataclasses.replace(pools, scores=None)
    found, lists = explore(request, pooled(request, pools, chosen), SIZE, chosen)
    assert found.user.tolist() == request.user.tolist()
    assert found.time.tolist() == request.time.tolist()
    # States ascend without gaps, and keep their content.
    assert np.array_equal(np.unique(found.state_index), np.arange(len(found.states)))
    assert (np.diff(found.state_index) >= 0).all()
    for name in ("user", "items", "length"):
        assert np.array_equal(
            getattr(found.states, name)[found.state_index],
            getattr(request.states, name)[request.state_index],
        )
    for row in range(len(request.user)):
        wanted = wanted_list(row, request, pools, chosen)
        state = int(found.state_index[row])
        if wanted is None:
            assert state not in found.ranked.tolist()
            continue
        at = found.ranked.tolist().index(state)
        length = int(lists.length[at])
        assert lists.items[at, :length].tolist() == wanted[0]
        np.testing.assert_allclose(lists.propensities[at, :length], wanted[1], rtol=1e-6)
        assert not lists.items[at, length:].any()


def rows_of_one_user(times: int) -> tuple[RankingRequest, RankedLists]:
    request = request_of([(3, 20 * time, 0) for time in range(times)], [0])
    return request, pools_of(request, [POOL])


@pytest.mark.parametrize(
    "chosen",
    [
        Exploration(EPSILON, 0.3, places=2, pool=POOL),
        Exploration(SOFTMAX, 2.0, places=3, pool=POOL, seed=5),
    ],
)
def test_items_are_shown_as_often_as_their_propensities_say(chosen: Exploration) -> None:
    times = 30_000
    request, pools = rows_of_one_user(times)
    _, lists = explore(request, pooled(request, pools, chosen), SIZE, chosen)
    logged: dict[int, set[float]] = {}
    for item, chance in zip(lists.items.ravel(), lists.propensities.ravel(), strict=True):
        logged.setdefault(int(item), set()).add(float(chance))
    assert set(logged) == set(range(1, POOL + 1))
    draws_of = {item: int((lists.items == item).sum()) for item in logged}
    for item, chances in logged.items():
        (chance,) = chances  # The same in every list: it does not depend on the draw.
        if chance == 1:
            assert draws_of[item] == times
            continue
        expected = [chance * times, (1 - chance) * times]
        shown = [draws_of[item], times - draws_of[item]]
        assert stats.chisquare(shown, expected).pvalue > 1e-4 / POOL
    assert sum(chance for chances in logged.values() for chance in chances) == pytest.approx(SIZE)
    drawn = explored_places(lists.propensities)
    assert not drawn[:, : SIZE - chosen.places].any()
    assert drawn[:, SIZE - chosen.places :].all()


def test_another_seed_time_user_or_version_draws_anew() -> None:
    request, pools = rows_of_one_user(200)
    chosen = Exploration(EPSILON, 1.0, places=3, pool=POOL)
    _, first = explore(request, pooled(request, pools, chosen), SIZE, chosen)
    lists = pooled(request, pools, chosen)
    for other in (
        explore(request, lists, SIZE, dataclasses.replace(chosen, seed=1)),
        explore(dataclasses.replace(request, user=request.user + 1), lists, SIZE, chosen),
        explore(dataclasses.replace(request, time=request.time + 4000), lists, SIZE, chosen),
        explore(request, dataclasses.replace(lists, policy=np.array([b"v-8"])), SIZE, chosen),
    ):
        same = (other[1].items == first.items).all(axis=1).mean()
        assert same < 0.2
    _, again = explore(request, pooled(request, pools, chosen), SIZE, chosen)
    assert np.array_equal(again.items, first.items)


def test_the_share_of_exploring_users() -> None:
    chosen = Exploration(EPSILON, 0.5, users=0.1)
    share = chosen.explores(np.arange(100_000)).mean()
    assert share == pytest.approx(0.1, abs=0.005)
    assert Exploration(EPSILON, 0.5).explores(np.arange(1000)).all()


@pytest.mark.parametrize(
    "text", ["", "epsilon", "epsilon:", "epsilon:0", "epsilon:1.5", "epsilon:nan", "softmax:-1",
             "softmax:inf", "greedy:0.1", "none:1"],
)  # fmt: skip
def test_wrong_designs_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="take none, epsilon:SHARE"):
        parse_explore(text)
