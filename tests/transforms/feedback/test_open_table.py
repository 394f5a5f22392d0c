"""Open recommendations of a job that was resumed with other sizes."""

import math
from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from transforms.columns.event_details import EventDetails
from transforms.feedback.open_table import OpenTable
from transforms.messages.events import EventBatch
from transforms.messages.value_weight import ValueWeight


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
        np.zeros((1, 0), np.float32),
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
    st.tuples(
        st.integers(1, 2),
        st.integers(0, 60),
        st.integers(1, 4),
        st.integers(0, 3),
        st.sampled_from([math.nan, -2.0, 0.0, 0.5, 3.0, math.inf]),
    ),
    max_size=20,
)
REWARDS = st.lists(st.sampled_from([0.0, 0.5, 1.0, 2.0, 7.0]), min_size=4, max_size=4)


@given(EVENTS, REWARDS, st.integers(0, 60), st.sampled_from([None, ValueWeight(0.5, 3)]))
def test_the_behavior_that_earns_most_counts(
    events: list[tuple[int, int, int, int, float]],
    rewards: list[float],
    cut: int,
    weight: ValueWeight | None,
) -> None:
    open_ = OpenTable.joined([table(1, [1, 2, 3], 3, 0), table(2, [4, 1], 3, 0)])
    open_ = open_.replaced(best=np.zeros_like(open_.best), seen=np.zeros_like(open_.seen))
    found = open_
    for first, last in pairwise((0, cut, 61)):
        chosen = sorted(e for e in events if first <= e[1] < last)
        user, time, item, behavior = (
            np.array([event[column] for event in chosen], np.int64) for column in range(4)
        )
        value = np.array([event[4] for event in chosen], np.float64)
        part = EventBatch(user, item, behavior.astype(np.int8), time)
        if weight:
            part = part.detailed(EventDetails(np.zeros(len(part), np.int64), value))
        found = found.apply(part, 25, rewards, value=weight)

    def gain(code: int, value: float) -> float:
        return rewards[code] * (min(1 + 0.5 * value, 3) if weight and value > 0 else 1)

    wanted = [
        [
            max(
                (gain(code, value) for user, time, item, code, value in events
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
    # The behavior is one that earned this with some value.
    plain = found.plain_rewards(rewards)
    assert ((found.rewards(rewards) <= (3 if weight else 1) * plain) | (found.best == 0)).all()
    assert (plain <= found.rewards(rewards)).all()


def test_lists_of_before_values_counted_keep_what_they_earned() -> None:
    before = table(1, [5], 2, 0)  # Its item was viewed.
    new = table(1, [5, 6], 2, 0)
    new = new.replaced(time=new.time + 20, earned=np.zeros((1, 2), np.float32))
    both = OpenTable.joined([before, new])
    events = EventBatch(*(np.array([each], np.int64) for each in (1, 6)), np.zeros(1, np.int8),
                        np.array([41]))  # fmt: skip
    events = events.detailed(EventDetails(np.zeros(1, np.int64), np.array([4.0])))
    found = both.apply(events, 600, value=ValueWeight(0.5, 10))
    assert found.rewards().tolist() == [[1, 0], [1, 3]]
