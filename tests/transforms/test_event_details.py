"""Events with ids of their own: what is equal, in which order, and through the coder."""

import math
import pickle
from random import Random
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from transforms.columns.event_details import EventDetails
from transforms.columns.frames import FrameCoder
from transforms.messages.events import EventBatch

Row = tuple[int, int, int, int, int]
ROW = st.tuples(
    st.integers(1, 2), st.integers(1, 2), st.integers(0, 1), st.integers(5, 6),
    st.sampled_from([0, 1, -(2**63), 2**63 - 1]),
)  # fmt: skip
ROWS = st.lists(ROW, max_size=12)


def batch(rows: list[Row], *, details: bool = True) -> EventBatch:
    user, item, behavior, time, event_id = np.array(rows, np.int64).reshape(-1, 5).T
    made = EventBatch(user, item, behavior.astype(np.int8), time)
    return made.detailed(EventDetails(event_id, event_id / 2)) if details else made


def shown(events: EventBatch) -> list[Any]:
    details = events.details
    assert details is not None
    columns = (*events.columns(), details.event_id, details.value)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def wanted(rows: list[Row]) -> list[Any]:
    return [(*row, row[4] / 2) for row in rows]


@given(ROWS)
def test_events_with_different_ids_are_different(rows: list[Row]) -> None:
    by_key = sorted(set(rows), key=lambda row: (row[0], row[3], row[1], row[2], row[4]))
    if len(rows) > 1:
        assert shown(batch(rows).ordered()) == wanted(by_key)
    plain = batch(rows).ordered().plain()
    assert plain.details is None
    assert len(plain) == len(by_key)
    assert len(plain.ordered(distinct=False)) == len(by_key)
    assert len(plain.ordered()) == len({row[:4] for row in rows})


@given(ROWS, st.randoms(use_true_random=False))
def test_of_equal_events_the_largest_value_is_kept(rows: list[Row], shuffle: Random) -> None:
    events = batch([*rows, *rows, *rows])
    assert events.details is not None
    value = np.repeat([math.nan, -1.5, 8.0], len(rows)) + np.tile(np.arange(len(rows)), 3)
    largest: dict[Row, float] = {}
    for row, number in zip([*rows, *rows, *rows], value.tolist(), strict=True):
        if not math.isnan(number):
            largest[row] = max(largest.get(row, number), number)
    places = list(range(len(value)))
    shuffle.shuffle(places)
    found = events.detailed(EventDetails(events.details.event_id, value)).take(
        np.array(places, int)
    )
    ordered = found.ordered().with_values()
    assert ordered.details is not None
    assert not ordered.details.event_id.any()
    by_key = sorted(largest, key=lambda row: (row[0], row[3], row[1], row[2], row[4]))
    assert ordered.details.value.tolist() == [largest[row] for row in by_key]


@given(ROWS, ROWS, st.booleans())
def test_parts_with_and_without_details(left: list[Row], right: list[Row], both: bool) -> None:
    joined = EventBatch.concat([batch(left), batch(right, details=both)])
    if both:
        assert shown(joined) == wanted(left + right)
    else:
        assert shown(joined)[: len(left)] == wanted(left)
        rest = joined.take(slice(len(left), None)).details
        assert rest is not None
        assert rest.event_id.tolist() == [0] * len(right)
        assert np.isnan(rest.value).all()
    assert EventBatch.concat([batch(left, details=False)] * 2).details is None


@given(ROWS)
def test_coder_and_pickle(rows: list[Row]) -> None:
    coder = FrameCoder(EventBatch)
    assert shown(coder.decode(coder.encode(batch(rows)))) == wanted(rows)
    assert shown(pickle.loads(pickle.dumps(batch(rows)))) == wanted(rows)  # noqa: S301
    assert coder.decode(coder.encode(batch(rows, details=False))).details is None
