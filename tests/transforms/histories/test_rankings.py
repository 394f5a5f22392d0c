"""The ranking in use at a time, and the rankings that later times need."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.transforms.batches import ranking
from transforms.histories.rankings import Rankings

LISTS = st.dictionaries(
    st.integers(1, 30), st.lists(st.integers(0, 9), min_size=1, max_size=4, unique=True)
)


def rankings_of(lists: dict[int, list[int]]) -> Rankings:
    frames = [
        ranking(end, [(item, 9 - rank) for rank, item in enumerate(items)])
        for end, items in lists.items()
    ]
    return Rankings(frames, 4)


def at(rankings: Rankings, times: list[int]) -> list[list[int] | None]:
    index, items, length = rankings.at(np.array(times, np.int64))
    assert len(items) == len(length)
    return [None if row < 0 else items[row, : length[row]].tolist() for row in index.tolist()]


@given(LISTS, st.lists(st.integers(0, 40), max_size=10))
def test_the_latest_ranking_is_in_use(lists: dict[int, list[int]], times: list[int]) -> None:
    wanted = [
        next((lists[end] for end in sorted(lists, reverse=True) if end <= time), None)
        for time in times
    ]
    assert at(rankings_of(lists), times) == wanted


@given(LISTS, st.integers(0, 35), st.lists(st.integers(1, 20), max_size=5))
def test_the_needed_rankings_serve_every_later_time(
    lists: dict[int, list[int]], now: int, later: list[int]
) -> None:
    rankings = rankings_of(lists)
    kept = rankings.needed_after(now)
    times = [now + step for step in later]
    assert at(Rankings([kept], 4), times) == at(rankings, times)
    assert sum(end <= now for end in set(kept.window_end.tolist())) <= 1
