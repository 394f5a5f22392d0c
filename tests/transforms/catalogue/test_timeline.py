"""Availability at a time against the rule, a record at a time."""

from copy import deepcopy
from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.oracle.catalogue import Record, available_at
from transforms.catalogue import timed_column
from transforms.catalogue.timeline import Timeline
from transforms.messages.availability import Availability

RECORDS = st.lists(
    st.builds(Record, st.integers(-3, 6), st.integers(0, 30), st.booleans()), max_size=25
)
START = 12


@settings(max_examples=100, deadline=None)
@given(RECORDS, st.lists(st.integers(0, 25), max_size=4), st.lists(st.integers(0, 35), max_size=9))
def test_any_records_in_any_parts_give_the_rules_answer(
    records: list[Record], cuts: list[int], asked: list[int]
) -> None:
    timeline = Timeline(START)
    asked = [*asked, *range(35)]
    edges = [0, *sorted(cuts), len(records)]
    for start, end in pairwise(edges):
        part = records[start:end]
        timeline.add(
            np.array([record.item for record in part], np.int64),
            np.array([record.time for record in part], np.int64),
            np.array([record.available for record in part], bool),
        )
        # Answers that were kept do not outlive the records that change them.
        for time in asked:
            given_items = np.arange(-5, 9)
            found = timeline.at(time).of(given_items)
            wanted = available_at(records[:end], time, START)
            assert given_items[found].tolist() == sorted(wanted)
    latest = {record.item: record.available for record in records}
    ids = timeline.latest.ids
    assert dict(zip(ids.tolist(), timeline.latest.bits.tolist(), strict=True)) == latest


def test_times_without_a_change_between_them_have_one_object() -> None:
    timeline = Timeline(0)
    timeline.add(np.array([1, 2]), np.array([0, 10]), np.array([True, True]))
    assert timeline.at(3) is timeline.at(9)
    assert timeline.at(10) is not timeline.at(9)


@given(st.lists(st.booleans(), max_size=20))
def test_what_is_available_survives_a_copy(bits: list[bool]) -> None:
    ids = np.arange(len(bits)) * 3
    # As pickle does it.
    found, again = deepcopy((Availability(ids, np.array(bits, bool)), Availability(ids, ids > 5)))
    assert found.ids.tolist() == ids.tolist()
    assert found.bits.tolist() == bits
    assert again.bits.dtype == bool
    assert again.ids is found.ids


def test_the_oldest_of_too_many_changes_count_as_the_beginning(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(timed_column, "MAX_CHANGES", 4)
    timeline = Timeline(0)
    times = np.arange(1, 9)
    timeline.add(np.zeros(8, np.int64), times, times % 2 == 1)
    assert [bool(timeline.at(time).of(np.array([0]))[0]) for time in range(5, 10)] == [
        True, False, True, False, False,
    ]  # fmt: skip
