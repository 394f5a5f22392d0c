"""Requests less what is not available, a row at a time."""

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.catalogue.by_time import rejoined, with_availability
from transforms.messages.availability import Availability
from transforms.messages.events import EventBatch
from transforms.messages.ranked_lists import RankedLists
from transforms.messages.ranking import LAST_USER, RankingRequest, States, WorkUnit

IDS = np.arange(1, 8)
SIZE = 4


@dataclass
class Offers:
    """A catalogue that has an answer for each time."""

    by_time: dict[int, Availability]
    has_features: bool = False

    def at(self, time: int) -> Availability:
        return self.by_time[time]


def request_of(
    rows: list[tuple[int, int, int]], states: int, ranked: list[bool], rankings: list[list[int]]
) -> RankingRequest:
    """A request of rows (state, time, ranking or -1)."""
    state, time, popular = np.array(rows, np.int64).reshape(len(rows), 3).T
    padded = [[*items, *[0] * (SIZE - len(items))] for items in rankings]
    return RankingRequest(
        user=state,
        time=time,
        state_index=state,
        states=States(np.arange(states), np.ones((states, 2), np.int64), np.full(states, 2)),
        ranked=np.flatnonzero(ranked[:states]),
        popular_index=popular,
        popular_items=np.array(padded, np.int64).reshape(len(rankings), SIZE),
        popular_length=np.array([len(items) for items in rankings], np.int64),
        unit=WorkUnit(0, 100, LAST_USER, EventBatch.empty()),
    )


def check_rejoined(request: RankingRequest, split: RankingRequest, data: st.DataObject) -> None:
    """Any lists of the states that were split: each row keeps its own, equal ones are one."""
    n = len(split.ranked)
    lists = np.array(data.draw(st.lists(st.integers(1, 2), min_size=n, max_size=n)), np.int64)
    in_pool = np.array(data.draw(st.lists(st.booleans(), min_size=n, max_size=n)), bool)
    ranked = RankedLists.deterministic(lists[:, None], np.ones(n, np.int64), b"p-1")
    ranked = replace(ranked, pool=ranked, pool_row=np.where(in_pool, 0, -1))
    joined, own = rejoined(split, ranked)
    before = np.full(len(split.states), -1)
    before[split.ranked] = np.arange(n)
    after = np.full(len(joined.states), -1)
    after[joined.ranked] = np.arange(len(own))
    states: list[tuple[int, ...]] = []
    for old, new in zip(split.state_index.tolist(), joined.state_index.tolist(), strict=True):
        assert split.states.user[old] == joined.states.user[new]
        place, number = before[old], after[new]
        assert (place < 0) == (number < 0)
        assert place < 0 or lists[place] == own.items[number, 0]
        key = (
            split.states.user[old],
            place >= 0 and lists[place],
            place >= 0 and in_pool[place] and old + 1,
        )
        if place < 0 or not states or states[-1] != (*key, new):
            states.append((*key, new))
    assert (np.diff(joined.state_index) >= 0).all()
    assert len(joined.states) == len(set(joined.state_index.tolist()))
    if split.exclusions is not None and split.exclusions.group is not None:
        runs = [key[:3] for key in states]
        assert all(one != other for one, other in pairwise(runs) if one[1])
        assert joined.exclusions is not None
        assert joined.exclusions.group is None
        assert len(joined.exclusions) == len(joined.states)


@settings(deadline=None)
@given(st.data())
def test_each_row_has_what_is_available_at_its_time(data: st.DataObject) -> None:
    states = data.draw(st.integers(0, 4))
    ranked = data.draw(st.lists(st.booleans(), min_size=4, max_size=4))
    items = st.lists(st.integers(-1, 9), max_size=SIZE, unique=True)
    rankings = data.draw(st.lists(items, max_size=3))
    place = st.integers(-1, len(rankings) - 1)
    times = st.lists(st.sampled_from([20, 40, 60]), min_size=1, unique=True).map(sorted)
    rows = [(state, time, data.draw(place)) for state in range(states) for time in data.draw(times)]
    bits = st.lists(st.booleans(), min_size=7, max_size=7).map(lambda given: np.array(given))
    first, last = Availability(IDS, data.draw(bits)), Availability(IDS, data.draw(bits))
    # A second time without a change, and a time of another catalogue's items.
    offers = {20: first, 40: first, 60: data.draw(st.sampled_from([last, first, EMPTY]))}
    request = request_of(rows, states, ranked, rankings)
    found = with_availability(request, Offers(offers))
    assert found.user.tolist() == request.user.tolist()
    assert found.time.tolist() == request.time.tolist()
    is_ranked = np.isin(np.arange(len(found.states)), found.ranked)
    for row, (state, time, popular) in enumerate(rows):
        offered = set(offers[time].ids[offers[time].bits].tolist())
        wanted = [item for item in rankings[popular] if item in offered] if popular >= 0 else []
        place = int(found.popular_index[row])
        assert (place >= 0) == (popular >= 0)
        if popular >= 0:
            length = int(found.popular_length[place])
            assert found.popular_items[place, :length].tolist() == wanted
            assert not found.popular_items[place, length:].any()
        own = int(found.state_index[row])
        assert found.states.user[own] == state
        assert is_ranked[own] == ranked[state]
        if ranked[state]:
            assert found.exclusions is not None
            group = found.exclusions.group
            number = 0 if group is None else int(group[own])
            assert found.exclusions.available[number] is offers[time]
    assert (np.diff(found.state_index) >= 0).all()
    check_rejoined(request, found, data)
    # One state for lists of popular items alone, and of a state that is ranked one for each offer.
    wanted_states = {
        (state, id(offers[time]) if ranked[state] else None) for state, time, _ in rows
    }
    assert len(set(found.state_index.tolist())) == len(wanted_states)


EMPTY = Availability(np.empty(0, np.int64), np.empty(0, bool))
