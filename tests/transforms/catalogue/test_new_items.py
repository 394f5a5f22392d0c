"""What is new at a time against the rule, a record at a time."""

from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.oracle.catalogue import Described, new_at
from transforms.catalogue import timeline as timelines
from transforms.catalogue.timeline import ItemFeatures, Timeline
from transforms.columns.names import IdCollisionError, hash_texts

START, SECONDS = 12, 7
RECORDS = st.lists(
    st.builds(
        Described,
        st.integers(1, 6),
        st.integers(0, 30),
        st.booleans(),
        st.sampled_from([None, "a", "b"]),
        st.none() | st.integers(0, 30),
    ),
    max_size=25,
)


def text(item: int) -> str:
    return "item " + "xyzabc"[item - 1]


def add(timeline: Timeline, records: list[Described], as_text: bool) -> None:
    texts = pa.array([text(record.item) for record in records], pa.string())
    items = np.array([record.item for record in records], np.int64)
    category = [0 if not record.category else ord(record.category) for record in records]
    created = [-1 if record.created is None else record.created for record in records]
    timeline.add(
        hash_texts(texts) if as_text else items,
        np.array([record.time for record in records], np.int64),
        np.array([record.available for record in records], bool),
        ItemFeatures(
            np.array(category, np.int64), np.array(created, np.int64), texts if as_text else None
        ),
    )


@settings(max_examples=100, deadline=None)
@given(RECORDS, st.lists(st.integers(0, 25), max_size=4))
def test_any_records_in_any_parts_give_the_rules_answer(
    records: list[Described], cuts: list[int]
) -> None:
    timeline = Timeline(START, SECONDS)
    for begin, end in pairwise([0, *sorted(cuts), len(records)]):
        add(timeline, records[begin:end], as_text=False)
        for time in range(40):
            new = timeline.at(time).new
            assert new is not None
            assert new.items.tolist() == new_at(records[:end], time, START, SECONDS)


@settings(max_examples=50, deadline=None)
@given(RECORDS)
def test_texts_are_in_the_order_of_texts(records: list[Described]) -> None:
    timeline = Timeline(START, SECONDS)
    add(timeline, records, as_text=True)
    renamed = [record._replace(item=text(record.item)) for record in records]  # type: ignore[arg-type]
    for time in range(40):
        new = timeline.at(time).new
        assert new is not None
        found = new.names.texts(new.items).to_pylist() if new.names else []
        assert found == new_at(renamed, time, START, SECONDS)


def test_times_at_which_the_same_is_new_have_one_object() -> None:
    timeline = Timeline(0, SECONDS)
    add(timeline, [Described(1, 0, True, "a", 3), Described(2, 0, True, "a", 8)], as_text=False)
    assert timeline.at(4) is timeline.at(5)
    assert timeline.at(8) is not timeline.at(5)
    assert timeline.has_features


def test_an_item_that_was_removed_is_not_new() -> None:
    timeline = Timeline(0, SECONDS)
    add(timeline, [Described(1, 0, True, "a", 3)], as_text=False)
    timeline.remove(np.array([1]), 5)
    assert [len(timeline.at(time).new or ()) for time in (4, 5)] == [1, 0]
    assert not timeline.has_features


def test_the_newest_of_too_many_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timelines, "MOST_NEW", 3)
    timeline = Timeline(0, SECONDS)
    created = {1: 3, 2: 5, 3: 4, 4: 4, 5: 4, 6: 2}
    add(timeline, [Described(item, 0, True, "a", at) for item, at in created.items()], False)
    new = timeline.at(6).new
    assert new is not None
    assert new.items.tolist() == [2, 3, 4]


def test_two_texts_with_one_key_are_refused() -> None:
    timeline = Timeline(0, SECONDS)
    one = np.array([1], np.int64)
    for word in ("x", "y"):
        features = ItemFeatures(one, one, pa.array([word]))
        if word == "x":
            timeline.add(one, one, one > 0, features)
    with pytest.raises(IdCollisionError, match="'x' and 'y' have the same key 1"):
        timeline.add(one, one, one > 0, features)
