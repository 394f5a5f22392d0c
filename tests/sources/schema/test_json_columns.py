"""Arrow's way through a block of JSON lines gives what orjson gives, or leaves the block alone."""

import json
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sources.parsing.line_index import LineIndex
from sources.schema.explain import explain
from sources.schema.json_columns import read_columns
from sources.schema.json_lines import JsonLines, json_column
from sources.schema.load import parse_schema

SCHEMA = parse_schema(
    """
format = "jsonl"
[fields]
user = "who.id"
item = "i"
time = "t"
behavior = "b"
[[ignore]]
field = "q"
above = 5
""",
    "test",
)
GOOD = {"who": {"id": 1}, "i": "2", "t": 3, "b": "buy", "q": 1.5, "other": [{"a": None}]}


def block(*lines: object) -> bytes:
    return b"\n".join(
        line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines
    )


def columns(text: bytes) -> dict | None:
    return read_columns(text, LineIndex.of(text), SCHEMA)


def same(text: bytes) -> None:
    whole = JsonLines(SCHEMA).parse(text)
    index = LineIndex.of(text)
    single = JsonLines(SCHEMA).parse_values([index.line(row) for row in range(len(index))])
    for one, other in zip(whole.events.columns(), single.events.columns(), strict=True):
        assert one.tolist() == other.tolist()
    assert whole.rows.tolist() == single.rows.tolist()
    assert list(whole.malformed) == list(single.malformed)
    assert whole.ignored == single.ignored


def test_plain_lines_are_columns() -> None:
    found = columns(block(GOOD, {**GOOD, "who": None}, {**GOOD, "q": 7}, {}))
    assert found is not None
    assert found["who.id"].to_pylist() == [1, None, 1, None]
    same(block(GOOD, {**GOOD, "who": None}, {**GOOD, "q": 7}, {}))


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"[]",
        b"{",
        b'{"a":1}{"a":2}',
        b'{"i":NaN}',
        b'{"x":-Infinity}',
        b'{"x":"\\ud800"}',
        b'{"x":"\xff"}',
        b'{"i":"2","i":"3"}',
        b'{"who.id":1}',
        b'{"who":{"id":"1"}}',
        b'{"who":[1]}',
        b'{"i":2}',
        b'{"t":1.5}',
        b'{"t":true}',
        b'{"t":9223372036854775808}',
    ],
)
def test_what_arrow_may_read_differently_is_left_alone(line: bytes) -> None:
    text = block(GOOD, line, GOOD)
    if line:
        assert columns(text) is None
    same(text)
    assert len(JsonLines(SCHEMA).parse(text).events) >= 2


VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(), st.text(max_size=3),
    st.sampled_from(["1", "22", "buy", "pv", {"id": 5}, {"id": "6"}, [1]]),
)  # fmt: skip
OBJECTS = st.dictionaries(st.sampled_from(["who", "i", "t", "b", "q", "who.id", "x"]), VALUES)
ALIKE = st.fixed_dictionaries(
    {"who": st.fixed_dictionaries({"id": st.integers(0, 9)}), "i": st.sampled_from(["1", "x", ""])},
    optional={
        "t": st.integers(-5, 2**40),
        "b": st.sampled_from(["buy", "x"]),
        "q": st.floats(0, 9),
    },
)


@settings(deadline=None)
@given(st.one_of(st.lists(st.one_of(OBJECTS, ALIKE), max_size=6), st.lists(ALIKE, max_size=6)))
def test_blocks_are_their_lines(objects: list[object]) -> None:
    same(block(*objects))


def test_a_text_id_does_not_depend_on_the_values_around_it() -> None:
    schema = parse_schema(
        'format = "jsonl"\n[fields]\nuser = "u"\nitem = "i"\ntime = "t"\n[ids]\nuser = "text"', "s"
    )
    values: list[tuple[object, str | None]] = [
        ("a", "a"), ("", None), (7, "7"), (7.0, "7"), (-(2**63), str(-(2**63))),
        (2**64 - 1, str(2**64 - 1)), (2**64, None), (1e17, None), (1.5, None), (True, None),
        (None, None), (UUID(int=1), str(UUID(int=1))), (Decimal("12.0"), "12"),
        (Decimal("12.5"), None), (["a"], None), ({"a": 1}, None),
    ]  # fmt: skip
    objects = [{"u": value, "i": 1, "t": 2} for value, _ in values]
    lines = JsonLines(schema)
    together = lines.parse_objects(objects, None, [])
    assert together.rows.tolist() == [at for at, (_, text) in enumerate(values) if text is not None]
    for each, (value, text) in zip(objects, values, strict=True):
        alone = lines.parse_objects([each], None, [])
        found = alone.events
        texts = found.names.user.texts(found.user).to_pylist() if found.names else []
        assert texts == ([] if text is None else [text])
        if text is None and value is not None:
            assert alone.malformed.reasons() == ["not an id"]
            detail = explain("not an id", lines.wanted_values(each), schema)
            assert detail.startswith("user (u) is ")


def test_avro_numbers_are_numbers() -> None:
    assert json_column([Decimal("12.50"), None]).to_pylist() == ["12.50", None]
