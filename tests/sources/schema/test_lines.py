"""CSV and JSON lines by a schema, against a reader that takes one line and one value at a time."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sources.errors import SourceError
from sources.parsing.kafka_values import parse_values
from sources.schema.csv_lines import CsvLines
from sources.schema.json_lines import JsonLines
from sources.schema.kafka_values import explain_value, parse_schema_values
from sources.schema.load import parse_schema
from sources.schema.schema import Schema

TEXT = """
header = false
columns = ["u", "i", "t", "b", "q"]
[fields]
user = "u"
item = "i"
time = "t"
behavior = "b"
[behaviors]
view = "pv"
sale = "buy"
gone = "ignore"
[[ignore]]
field = "q"
below = 0
"""
SCHEMA = parse_schema(TEXT, "test")
WORDS = {"view": 0, "sale": 3}


def whole(text: object) -> int | None:
    try:
        found = int(str(text).strip(" \t")) if str(text).strip(" \t").isascii() else None
    except ValueError:
        return None
    plain = str(text).strip(" \t").lstrip("-").isdigit()
    return found if plain and found is not None and -(2**63) <= found < 2**63 else None


def judge(cells: dict[str, object]) -> object:
    """The meaning of one row: an event, "malformed" or "ignored"."""
    try:
        if float(str(cells["q"])) < 0:
            return "ignored"
    except ValueError:
        pass
    if str(cells["b"]).strip() == "gone":
        return "ignored"
    user, item, time = (whole(cells[name]) for name in "uit")
    code = WORDS.get(str(cells["b"]).strip())
    if user is None or item is None or time is None or code is None or time < 0:
        return "malformed"
    return user, item, code, time


CELLS = st.sampled_from(
    ["1", "22", "-3", "x", "", "view", "sale", "gone", " 7", "é", '"', '""', '"a;b"', 'a"b', "a\rb"]
)
NUMBERS = st.integers(-5, 10**10).map(str)
CELL = st.one_of(NUMBERS, CELLS)
ROW = st.one_of(
    st.tuples(NUMBERS, NUMBERS, NUMBERS, st.sampled_from(["view", "sale", "gone"]), CELL),
    st.lists(CELL, min_size=1, max_size=6).map(tuple),
)
QUOTED = ROW.map(lambda row: tuple(f'"{cell}"' if '"' not in cell else cell for cell in row))


def reference(line: str, delimiter: str) -> object:
    fields = line.split(delimiter)
    if '"' in line:
        read = next(csv.reader([line.replace("\r", "\0")], delimiter=delimiter))
        fields = fields if len(read) != 5 and len(fields) == 5 else read
    return judge(dict(zip("uitbq", fields, strict=True))) if len(fields) == 5 else "malformed"


@settings(deadline=None, max_examples=400)
@given(
    st.lists(st.one_of(ROW, QUOTED), max_size=12),
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(["\n", "\r\n"]),
)
def test_csv_lines_are_read_like_single_ones(
    rows: list[tuple[str, ...]], delimiter: str, end: str
) -> None:
    lines = [line for row in rows if (line := delimiter.join(row)).rstrip("\r")]
    lines = [line for line in lines if not line.endswith("\r")]
    schema = replace(SCHEMA, delimiter=delimiter)
    parsed = CsvLines.of(schema, schema.columns, "test").parse(end.join(lines).encode())
    check(parsed, [reference(line, delimiter) for line in lines])


def check(parsed, expected: list[object]) -> None:
    events = zip(*(column.tolist() for column in parsed.events.columns()), strict=True)
    got = list(zip(parsed.rows.tolist(), events, strict=True))
    assert got == [(row, each) for row, each in enumerate(expected) if isinstance(each, tuple)]
    bad = [row for row, each in enumerate(expected) if each == "malformed"]
    assert parsed.malformed.row.tolist() == bad
    assert parsed.ignored == expected.count("ignored")


VALUE = st.one_of(
    st.integers(-(2**64), 2**64),
    st.sampled_from(["1", "x", "view", "sale", "gone", None, True, 1.5, 2.0, [], {"a": 1}]),
)
OBJECTS = st.fixed_dictionaries(
    {"u": VALUE, "i": VALUE, "t": VALUE, "b": st.sampled_from(["view", "sale", "gone", "x"])},
    optional={"q": st.sampled_from([-1, 1, "-2", None])},
)


def json_reference(found: dict[str, object]) -> object:
    cells = {}
    for name in "uitbq":
        value = found.get(name)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if name == "t" and value == 1.5:
            value = 1  # fractions of a second are cut off
        if value is None or isinstance(value, bool | float | list | dict):
            value = "" if name != "q" else "nan"
        cells[name] = value
    return judge(cells)


@settings(deadline=None, max_examples=300)
@given(st.lists(OBJECTS, max_size=8))
def test_json_lines_are_read_like_single_ones(objects: list[dict[str, object]]) -> None:
    schema = replace(SCHEMA, columns=(), header=True, format="jsonl")
    block = "\n".join(map(json.dumps, objects)).encode()
    expected = [json_reference(each) for each in objects]
    # A time beyond the year 9999 is malformed.
    expected = [
        "malformed" if isinstance(each, tuple) and each[3] >= 253_402_300_800 else each
        for each in expected
    ]
    check(JsonLines(schema).parse(block), expected)
    values = [line or None for line in block.split(b"\n")] if objects else []
    check(parse_values(values, None, schema), expected)


def details(schema: Schema, *values: bytes) -> list[tuple[str, str]]:
    parsed = parse_values(values, 1000, schema)
    return [
        (bad.reason, explain_value(bad.reason, values[row].decode("utf-8", "replace"), schema))
        for row, bad in parsed.malformed
    ]


def test_details_of_csv() -> None:
    assert details(
        SCHEMA,
        b"x,2,3,view,0",
        b"1,,3,view,0",
        b"1,2,1760000000000,view,0",
        b"1,2,2025-10-09T08:53:20Z,view,0",
        b"1,2,20251009,view,0",
        b"1,2,20251009085320,view,0",
        b"1,2,3,rent,0",
        b"1;2;3;view;0",
        b"1,2,3",
        b"1,\xff,3,view,0",
        b"",
        b"1" * 1001,
    ) == [
        ("not a number", "user (u) is 'x', no whole number of 64 bits"),
        ("not a number", "item (i) is empty"),
        (
            "time out of range",
            "time (t) is '1760000000000'; looks like milliseconds: time.format = \"ms\" in a "
            "--schema",
        ),
        (
            "not a number",
            "time (t) is '2025-10-09T08:53:20Z'; looks like ISO 8601: time.format = \"iso\" in a "
            "--schema",
        ),
        (
            "time out of range",
            "time (t) is '20251009'; looks like a date: time.format = \"%Y%m%d\" in a --schema",
        ),
        (
            "time out of range",
            "time (t) is '20251009085320'; looks like a date: time.format = \"%Y%m%d%H%M%S\" in a "
            "--schema",
        ),
        ("unknown behavior", "behavior (b) is 'rent', none of view, sale, gone"),
        ("too few fields", "1 fields, not 5: the delimiter looks like ';'"),
        ("too few fields", "3 fields, not 5"),
        ("not UTF-8", "some bytes are not UTF-8"),
        ("too few fields", "the value is empty"),
        ("too long", "longer than --max_line"),
    ]


def test_details_of_json() -> None:
    schema = parse_schema(
        "[fields]\nuser = 'who.id'\nitem = 'i'\ntime = 't'\n[time]\nformat = 'iso'\n", "test"
    )
    assert details(
        schema,
        b'{"i": 1, "t": "2025-10-09"}',
        b'{"who": {"id": 1}, "i": 1, "t": "yesterday"}',
        b'{"who": {"id": 1}, "i": 1, "t": 1760000000}',
        b"[1]",
        b"{",
    ) == [
        ("too few fields", "user (who.id) is missing"),
        ("not a time", "time (t) is 'yesterday', not of the format 'iso'"),
        (
            "not a time",
            "time (t) is '1760000000'; looks like seconds: time.format = \"s\" in a --schema",
        ),
        (
            "not JSON",
            "no JSON object; for values of CSV the schema needs columns and header = false",
        ),
        ("not JSON", "the value is no JSON object"),
    ]


def test_a_column_that_is_not_there() -> None:
    with pytest.raises(SourceError, match=r"no column 'u'.*the delimiter looks like ';'"):
        CsvLines.of(replace(SCHEMA, columns=()), ("u;i;t;b;q",), "f.csv: the header")


def test_a_delimiter_of_several_characters() -> None:
    schema = replace(SCHEMA, delimiter="::")
    parsed = CsvLines.of(schema, schema.columns, "test").parse(b"1::2::3::view::0\n1::2::3\n")
    check(parsed, [(1, 2, 0, 3), "malformed"])


def test_a_byte_order_mark_within_the_text_is_part_of_its_field() -> None:
    parsed = CsvLines.of(SCHEMA, SCHEMA.columns, "test").parse("\ufeff1,2,3,view,0".encode())
    assert np.array_equal(parsed.malformed.row, [0])


def test_half_of_a_surrogate_pair_is_explained() -> None:
    schema = parse_schema('[fields]\nuser = "u"\nitem = "i"\ntime = "t"\n[ids]\nuser = "text"', "a")
    for raw in (r'{"u": "\ud800", "i": 1, "t": 1}', r'{"u": "a", "i": 1, "t": "\udfff"}'):
        (reason,) = parse_schema_values([raw.encode()], schema).malformed.reasons()
        assert explain_value(reason, raw, schema) == "the value is no JSON object"
        assert "half of a surrogate pair" in str(JsonLines(schema).values(raw))
