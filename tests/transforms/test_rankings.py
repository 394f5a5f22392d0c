"""Which ranking stands at a moment, and what a shard must remember of them."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.transforms.batches import ranking
from transforms.histories.rankings import Rankings

TOLD = st.dictionaries(
    st.integers(1, 30), st.lists(st.integers(0, 9), min_size=1, max_size=4, unique=True)
)


def told(lists: dict[int, list[int]]) -> Rankings:
    frames = [
        ranking(end, [(item, 9 - rank) for rank, item in enumerate(items)])
        for end, items in lists.items()
    ]
    return Rankings(frames, 4)


def at(rankings: Rankings, times: list[int]) -> list[list[int] | None]:
    chosen, items, length = rankings.at(np.array(times, np.int64))
    assert len(items) == len(length)
    return [
        None if place < 0 else items[place, : length[place]].tolist() for place in chosen.tolist()
    ]


@given(TOLD, st.lists(st.integers(0, 40), max_size=10))
def test_the_latest_that_was_given_stands(lists: dict[int, list[int]], times: list[int]) -> None:
    wanted = [
        next((lists[end] for end in sorted(lists, reverse=True) if end <= time), None)
        for time in times
    ]
    assert at(told(lists), times) == wanted


@given(TOLD, st.integers(0, 35), st.lists(st.integers(1, 20), max_size=5))
def test_what_is_remembered_serves_every_later_moment(
    lists: dict[int, list[int]], now: int, later: list[int]
) -> None:
    rankings = told(lists)
    kept = rankings.behind(now)
    times = [now + step for step in later]
    assert at(Rankings([kept], 4), times) == at(rankings, times)
    assert sum(end <= now for end in set(kept.window_end.tolist())) <= 1
