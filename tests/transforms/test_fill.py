"""Lists completed with popular items, against one row at a time."""

from typing import NamedTuple

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.transforms.batches import rows_of
from transforms.fill import POPULAR, fill
from transforms.messages.events import EventBatch
from transforms.messages.ranked_lists import POLICY_BYTES, RankedLists
from transforms.messages.ranking import LAST_USER, RankingRequest, States, WorkUnit

HISTORY, POPULAR_SIZE, LABEL = 3, 5, b"some-7"
ITEMS = st.integers(-4, 5)


class State(NamedTuple):
    history: list[int]
    ranked: list[int] | None
    popular: list[int]


STATES = st.lists(
    st.builds(
        State,
        st.lists(ITEMS, min_size=1, max_size=HISTORY),
        st.one_of(st.none(), st.lists(ITEMS, max_size=4, unique=True)),
        st.lists(st.integers(-1, 1), min_size=1, max_size=3).map(sorted),
    ),
    max_size=6,
)
RANKINGS = st.lists(
    st.lists(ITEMS, min_size=1, max_size=POPULAR_SIZE, unique=True), min_size=2, max_size=2
)


def padded(lists: list[list[int]], width: int) -> np.ndarray:
    rows = [[*items, *[0] * (width - len(items))] for items in lists]
    return np.array(rows, np.int64).reshape(len(lists), width)


def lengths(lists: list[list[int]]) -> np.ndarray:
    return np.array([len(items) for items in lists], np.int64)


@given(STATES, RANKINGS, st.integers(4, 6), st.booleans())
def test_lists_are_filled_in_the_rankings_order(
    states: list[State], rankings: list[list[int]], size: int, repeat: bool
) -> None:
    rows = [(number, place) for number, state in enumerate(states) for place in state.popular]
    histories = [state.history for state in states]
    by_policy = [state.ranked for state in states if state.ranked is not None]
    request = RankingRequest(
        user=np.array([number for number, _ in rows], np.int64),
        time=np.arange(len(rows)) * 20,
        state_index=np.array([number for number, _ in rows], np.int64),
        states=States(np.arange(len(states)), padded(histories, HISTORY), lengths(histories)),
        ranked=np.flatnonzero([state.ranked is not None for state in states]),
        popular_index=np.array([place for _, place in rows], np.int64),
        popular_items=padded(rankings, POPULAR_SIZE),
        popular_length=lengths(rankings),
        unit=WorkUnit(4, 1000, LAST_USER, EventBatch.empty()),
    )
    propensities = (np.arange(size) < lengths(by_policy)[:, None]) * np.float32(0.25)
    ranked = RankedLists(
        padded(by_policy, size),
        lengths(by_policy),
        propensities.astype(np.float32),
        np.full(len(by_policy), LABEL, f"S{POLICY_BYTES}"),
    )
    batch = fill(request, ranked, size, repeat_consumed=repeat, keep_history=True)
    assert batch.unit.sequence == 4
    assert batch.unit.complete_until == 1000
    assert len(batch.items) <= len(rows)
    for (number, place), row in zip(rows, rows_of([batch.rows()]), strict=True):
        user, _, items, length, odds, policy, last_reward = row
        state = states[number]
        wanted = list(state.ranked or [])
        given_by_policy = len(wanted)
        for item in rankings[place] if place >= 0 else []:
            banned = [] if repeat else state.history
            if len(wanted) < size and item not in wanted and item not in banned:
                wanted.append(item)
        assert (user, last_reward) == (number, -1)
        assert items[:length] == wanted
        assert items[length:] == [0] * (size - length)
        assert policy == (LABEL if given_by_policy else POPULAR)
        extra = length - given_by_policy
        assert odds[:length] == [0.25] * given_by_policy + [1.0] * extra
