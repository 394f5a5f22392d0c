"""Arrow's way through a block of JSON lines gives what orjson gives, or leaves the block alone."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sources.parsing.line_index import LineIndex
from sources.schema.json_columns import read_columns
from sources.schema.json_lines import JsonLines
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
