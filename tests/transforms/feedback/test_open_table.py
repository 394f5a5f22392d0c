"""Open recommendations of a job that was resumed with other sizes."""

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from transforms.feedback.open_table import OpenTable
from transforms.messages.events import EventBatch


def table(user: int, items: list[int], width: int, history: int) -> OpenTable:
    padded = np.array([[*items, *[0] * (width - len(items))]], np.int64)
    valid = np.arange(width) < len(items)
    one = np.array([user], np.int64)
    return OpenTable(
        one,
        one * 20,
        padded,
        np.array([len(items)]),
        np.zeros(1, np.int64),
        valid[None].astype(np.int8),
        valid[None],
        np.zeros(1, bool),
        valid[None].astype(np.float32),
        np.full((1, history), -9),
        np.array([history]),
    )


def test_tables_of_other_widths_are_joined_and_padded() -> None:
    joined = OpenTable.joined([table(1, [5, -6], 2, 3), table(2, [7], 4, 0), table(3, [], 1, 1)])
    assert joined.items.tolist() == [[5, -6, 0, 0], [7, 0, 0, 0], [0, 0, 0, 0]]
    assert joined.length.tolist() == [2, 1, 0]
    assert joined.history.tolist() == [[-9, -9, -9], [0, 0, 0], [-9, 0, 0]]
    assert joined.seen.tolist() == [[True, True, False, False], [True, *[False] * 3], [False] * 4]
    for column, of in zip(joined.columns(), table(1, [5], 2, 3).columns(), strict=True):
        assert column.dtype == of.dtype


def test_empty_tables_do_not_matter() -> None:
    only = table(1, [5], 2, 3)
    empty = table(2, [], 5, 7).take(slice(0))
    assert OpenTable.joined([empty, only]).items.tolist() == [[5, 0]]


EVENTS = st.lists(
    st.tuples(st.integers(1, 2), st.integers(0, 60), st.integers(1, 4), st.integers(0, 3)),
    max_size=20,
)
REWARDS = st.lists(st.sampled_from([0.0, 0.5, 1.0, 2.0, 7.0]), min_size=4, max_size=4)


@given(EVENTS, REWARDS, st.integers(0, 60))
def test_the_behavior_that_earns_most_counts(
    events: list[tuple[int, int, int, int]], rewards: list[float], cut: int
) -> None:
    open_ = OpenTable.joined([table(1, [1, 2, 3], 3, 0), table(2, [4, 1], 3, 0)])
    open_ = open_.replaced(best=np.zeros_like(open_.best), seen=np.zeros_like(open_.seen))
    found = open_
    for first, last in pairwise((0, cut, 61)):
        user, time, item, behavior = (
            np.array(column, np.int64)
            for column in zip(*sorted(e for e in events if first <= e[1] < last), strict=True)
        ) if any(first <= e[1] < last for e in events) else [np.zeros(0, np.int64)] * 4  # fmt: skip
        part = EventBatch(user, item, behavior.astype(np.int8), time)
        found = found.apply(part, 25, rewards)
    wanted = [
        [
            max(
                (rewards[code] for user, time, item, code in events
                 if (user, item) == (owner, listed) and 0 <= time - at < 25),
                default=0.0,
            )
            for listed in items
        ]
        for owner, at, items in zip(
            open_.user.tolist(), open_.time.tolist(), open_.items.tolist(), strict=True
        )
    ]  # fmt: skip
    assert found.rewards(rewards).tolist() == wanted
