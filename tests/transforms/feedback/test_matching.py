"""Events and the recommendations that contain their items, against all pairs."""

from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.feedback import matching
from transforms.feedback.matching import EventMatching
from transforms.messages.events import EventBatch

ITEM = st.sampled_from([0, -1, 7, 64, 128, 2**63 - 1, -(2**63)])
USER = st.sampled_from([0, -1, 5, 2**62])


class Row(NamedTuple):
    user: int
    time: int
    items: list[int]


class Event(NamedTuple):
    user: int
    time: int
    item: int


ROWS = st.dictionaries(
    st.tuples(USER, st.integers(0, 9).map(lambda number: number * 20)),
    st.lists(ITEM, max_size=3, unique=True),
    min_size=1,
    max_size=12,
).map(lambda rows: [Row(*key, items) for key, items in sorted(rows.items())])
EVENTS = st.sets(st.builds(Event, USER, st.integers(0, 200), ITEM), min_size=1, max_size=25)


def matching_of(rows: list[Row], events: list[Event]) -> EventMatching:
    items = np.zeros((len(rows), 3), np.int64)  # Padded with 0, which is an item, too.
    for number, row in enumerate(rows):
        items[number, : len(row.items)] = row.items
    columns = [np.array(column, np.int64) for column in zip(*events, strict=True)]
    user, time, item = columns
    return EventMatching(
        np.array([row.user for row in rows], np.int64),
        np.array([row.time for row in rows], np.int64),
        items,
        np.array([len(row.items) for row in rows], np.int64),
        EventBatch(user, item, np.zeros(len(events), np.int8), time),
    )


@given(
    ROWS, EVENTS, st.sampled_from([5, 20, 70, 1000]), st.integers(1, 9),
    st.lists(st.booleans(), min_size=12, max_size=12),
)  # fmt: skip
def test_matches_equal_those_of_all_pairs(
    rows: list[Row], some: set[Event], window: int, pairs: int, eligible: list[bool]
) -> None:
    events = sorted(some)
    can = np.array(eligible[: len(rows)], bool)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(matching, "PAIRS", pairs)
        found = matching_of(rows, events)
        credited = [
            match for part in found.credited(window, can) for match in zip(*part, strict=True)
        ]
        in_latest = [match for part in found.in_latest() for match in zip(*part, strict=True)]
    wanted, latest = [], []
    for number, event in enumerate(events):
        own = [at for at, row in enumerate(rows) if row.user == event.user]
        before = [at for at in own if rows[at].time <= event.time]
        holding = [at for at in before if event.item in rows[at].items]
        matches = {at: (at, rows[at].items.index(event.item), number) for at in holding}
        latest += [matches[at] for at in holding if at == before[-1]]
        open_ = [at for at in holding if can[at] and event.time < rows[at].time + window]
        wanted += [matches[at] for at in open_[-1:]]
    assert sorted(credited) == sorted(wanted)
    assert sorted(in_latest) == sorted(latest)


def test_the_pairs_that_are_compared_at_a_time_are_bounded() -> None:
    rows = [Row(7, 20 * number, [1, 2]) for number in range(40)]
    events = [Event(7, 700 + number // 100, number % 100) for number in range(20_000)]
    found = matching_of(rows, sorted(events))
    sizes: list[int] = []
    match = found._match

    def recorded(row: np.ndarray, event: np.ndarray, signature: np.ndarray) -> matching.Matches:
        sizes.append(len(row))
        return match(row, event, signature)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(found, "_match", recorded)
        total = sum(len(part.row) for part in found.credited(600, np.ones(40, bool)))
    assert total > 0
    assert sum(sizes) > 4 * matching.PAIRS
    assert max(sizes) <= matching.PAIRS + len(rows)
