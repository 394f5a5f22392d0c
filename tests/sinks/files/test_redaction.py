"""Fields that are left out of dead letters, and long values."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinks.files.redaction import REDACTED, bounded, redacted
from transforms.messages.dead_letters import DeadLetter, DeadLetterBatch

SECRET = "ann@shop"  # noqa: S105 - a user's, not ours


def redact(raw: str, *fields: str, reason: str = "not a number", source: str = "t/0/1") -> str:
    letters = DeadLetterBatch.of([DeadLetter(source, reason, raw, 5)])
    (letter,) = redacted(letters, fields)
    return letter.raw


@pytest.mark.parametrize(
    ("raw", "kept"),
    [
        ({"user": SECRET, "item": 3}, {"item": 3}),
        ({"item": 3, "of": [{"user": SECRET}, 4]}, {"item": 3, "of": [{}, 4]}),
        ({"user": {"name": SECRET}, "item": 3}, {"item": 3}),
        ({"item": 3}, {"item": 3}),
        (
            {"user": SECRET, "why": f"Duplicate entry '{SECRET}-5'"},
            {"why": REDACTED},
        ),
        ({"user": [1, {"a": SECRET}], "why": f"no {SECRET}"}, {"why": REDACTED}),
        ({"user": 5, "why": "Out of range"}, {"why": "Out of range"}),
    ],
)
def test_fields_of_json_are_left_out(raw: object, kept: object) -> None:
    assert json.loads(redact(json.dumps(raw), "user")) == kept


@pytest.mark.parametrize(
    "raw", [f"{SECRET},5", f'{{"user": "{SECRET}', f'["{SECRET}"]', f'"{SECRET}"', "", "[" * 99_999]
)
def test_a_value_whose_fields_cannot_be_told_apart_is_left_out(raw: str) -> None:
    assert redact(raw, "user") == REDACTED


def test_late_events_keep_their_other_fields() -> None:
    assert redact("7,5,1500000000,pv", "user", reason="late") == ",5,1500000000,pv"
    assert redact("7,5,1500000000,pv", "item", "user", reason="late") == ",,1500000000,pv"
    assert redact("7,5,1500000000", "user", reason="late") == REDACTED


def test_sources_and_times_hold_no_redacted_field() -> None:
    rows = [DeadLetter("redis://h/0 history:ann x", "refused by the store", "{}", 5)]
    (letter,) = redacted(DeadLetterBatch.of(rows), ("user", "time"))
    assert (letter.source, letter.time) == ("redis://h/0 history", None)
    (letter,) = redacted(DeadLetterBatch.of(rows), ("item",))
    assert (letter.source, letter.time) == ("redis://h/0 history:ann x", 5)


def test_without_fields_nothing_changes() -> None:
    letters = DeadLetterBatch.of([DeadLetter("s", "r", f"{SECRET},5", 5)])
    assert redacted(letters, ()) is letters


NESTED = st.recursive(
    st.none() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["user", "a", "why"]), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(value=st.dictionaries(st.sampled_from(["user", "item", "why"]), NESTED, max_size=3))
def test_no_redacted_field_is_left(value: dict[str, object]) -> None:
    assert '"user"' not in redact(json.dumps(value), "user").replace('\\"', "")


@given(raws=st.lists(st.text(max_size=20)), most=st.integers(1, 12))
def test_long_values_are_cut_and_marked(raws: list[str], most: int) -> None:
    raws = [raw.encode("utf-8", "ignore").decode() for raw in raws]
    letters = DeadLetterBatch.of([DeadLetter("s", "r", raw, None) for raw in raws])
    assert [letter.raw for letter in bounded(letters, most)] == [
        raw if len(raw) <= most else f"{raw[:most]}... [cut: {len(raw)} characters]" for raw in raws
    ]
