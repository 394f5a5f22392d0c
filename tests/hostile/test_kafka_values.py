"""Kafka values of any kind: each is an event, or a dead letter with a reason."""

import json
import time
import tracemalloc
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from rivulet.limits import MAX_ELEMENTS
from sources.files.plan import plan
from sources.files.ranges import FileLimits, read_range
from sources.kafka import outputs
from sources.kafka.topic_time import latest_times
from sources.parsing.kafka_values import parse_value, parse_values
from sources.parsing.lines import Row
from sources.parsing.malformed import EXPLAINED, FURTHER, Malformed
from sources.schema.load import parse_schema
from transforms.messages.dead_letters import DeadLetter

pytestmark = pytest.mark.hostile


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        # json.loads keeps the last of two equal names, other readers the first.
        (b'{"user":1,"user":2,"item":3,"time":4}', Malformed("duplicate key", None)),
        (b'{"user":1,"item":3,"time":4,"x":1,"x":1}', Malformed("duplicate key", None)),
        (b'{"user":1,"item":3,"time":4,"x":{"y":1,"y":2}}', Row(1, 3, 0, 4)),
        # The event's own name comes before its synonym, in any order.
        (b'{"user_id":9,"user":1,"item":3,"time":4}', Row(1, 3, 0, 4)),
        (b'{"a":' * 100_000, Malformed("not JSON", None)),
        (b'{"user":' + b"[" * 100_000, Malformed("not JSON", None)),
        (b'{"user":1,"item":3,"time":' + b"9" * 100_000 + b"}", Malformed("not JSON", None)),
        (b'{"user":1e308,"item":3,"time":4}', Malformed("not a number", 4)),
        (b'{"user":1e999,"item":3,"time":4}', Malformed("not a number", 4)),
        (b'{"user":NaN,"item":3,"time":4}', Malformed("not a number", 4)),
        (b'{"user":-1,"item":-9223372036854775808,"time":4}', Row(-1, -(2**63), 0, 4)),
        (b'{"user":9223372036854775808,"item":3,"time":4}', Malformed("not a number", 4)),
        (b'{"user":"\\ud800","item":3,"time":4}', Malformed("not a number", 4)),
        (b'{"user":{},"item":[],"time":null}', Malformed("not a number", None)),
        (b'\xef\xbb\xbf{"user":1,"item":3,"time":4}', Malformed("not a number", None)),
        (b"\xff\xfe1,2,3", Malformed("not UTF-8", None)),
        (b"1,2,3\n4,5,6", Malformed("too many fields", None)),
        (b"1;2;3", Malformed("too few fields", None)),
        (b"," * 1_000_000, Malformed("too many fields", None)),
        (b"1,2," + b"0" * 1_000_000 + b"7", Row(1, 2, 0, 7)),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_value_is_an_event_or_has_a_reason(value: bytes, expected: Row | Malformed) -> None:
    assert parse_value(value) == expected
    parsed = parse_values([b"7,8,9", value, b"7,8,9"])
    assert parsed.events.user.tolist().count(7) == 2
    assert len(parsed.events) + len(parsed.malformed) == 3
    if isinstance(expected, Malformed):
        assert list(parsed.malformed) == [(1, expected)]


def test_a_value_that_is_too_long_is_not_parsed() -> None:
    long = json.dumps({"user": 1, "item": 2, "time": 3, "x": "y" * (64 << 20)}).encode()
    tracemalloc.start()
    parsed = parse_values([b"1,2,3", long], max_bytes=1 << 20)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 20
    assert list(parsed.malformed) == [(1, Malformed("too long", None))]
    assert parsed.events.user.tolist() == [1]


def test_a_flood_of_malformed_values_takes_linear_time() -> None:
    def seconds(count: int) -> float:
        values: list[bytes | None] = [b"x,2,3,pv"] * count
        started = time.process_time()
        assert len(parse_values(values).malformed) == count
        return time.process_time() - started

    seconds(1_000)
    assert seconds(80_000) < 80 * max(seconds(4_000), 0.01)


class Record:
    def __init__(self, timestamp: int, timestamp_type: int) -> None:
        self.timestamp, self.timestamp_type = timestamp, timestamp_type


def test_the_limit_of_the_future_is_a_records_own() -> None:
    create, append = Record(5_000_999, 0), Record(5_000_999, 1)
    assert latest_times([], 7_000.9, 300).tolist() == []
    assert latest_times([create], 7_000.9, 300).tolist() == [7_300]
    assert latest_times([append, create], 7_000.9, 300).tolist() == [5_300, 7_300]


ELEMENTS = """format = "jsonl"
[fields]
user = "user"
item = "items[].id"
time = "time"
"""


def of_elements(number: int) -> bytes:
    return b'{"user":1,"time":5,"items":[' + b",".join([b"{}"] * number) + b"]}"


def letters_of(values: list[bytes], schema_text: str) -> list[DeadLetter]:
    schema = parse_schema(schema_text, "test")
    records = [SimpleNamespace(value=value, offset=at) for at, value in enumerate(values)]
    malformed = parse_values(values, 1 << 20, schema).malformed
    return list(outputs.letters_of("t", 0, records, malformed, schema, 1 << 20))


def test_the_letters_of_a_value_with_many_events_hold_it_once() -> None:
    number = 10_000
    value = of_elements(number)
    letters = letters_of([value, b'{"user":1}'], ELEMENTS)
    assert len(letters) == number + 1
    assert [letters[0].raw, letters[-1].raw] == [value.decode(), '{"user":1}']
    assert {(letter.source, letter.raw, letter.detail) for letter in letters[1:-1]} == {
        ("t/0/0", "", FURTHER)
    }


def test_the_letters_of_a_line_with_many_events_hold_it_once(tmp_path: Path) -> None:
    path, number = tmp_path / "events.jsonl", 10_000
    path.write_bytes(of_elements(number) + b"\n")
    (piece,) = plan(str(path), None, schema=parse_schema(ELEMENTS, "test"))
    (block,) = read_range(piece, FileLimits())
    letters = list(block.letters)
    assert len(letters) == number
    assert sum(len(letter.raw) for letter in letters) == len(of_elements(number))


@pytest.mark.parametrize("user", [b"1", b'"%s"' % (b"x" * 500_000)])
def test_a_value_with_very_many_events_takes_a_bounded_memory(user: bytes) -> None:
    def of(number: int) -> bytes:
        return of_elements(number).replace(b'"user":1', b'"user":' + user)

    values = [b'{"user":1,"time":5,"items":[{"id":1},{"id":2}]}', of(MAX_ELEMENTS + 1)]
    values += [*[of(MAX_ELEMENTS)] * 3, of(150_000), values[0]]
    tracemalloc.start()
    parsed = parse_values(values, 1 << 20, parse_schema(ELEMENTS, "test"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100 << 20
    assert parsed.rows.tolist() == [0, 0, 6, 6]
    assert np.bincount(parsed.malformed.row).tolist() == [0, 1, *[MAX_ELEMENTS] * 3, 1]
    letters = letters_of(values[1:2], ELEMENTS)
    assert [letter.reason for letter in letters] == ["too many fields"]
    assert letters[0].detail == "10,001 events in a list, more than 10,000"


def test_of_a_flood_the_first_letters_are_explained() -> None:
    values = [b'{"user":"x%d","items":[{"id":1}],"time":5}' % number for number in range(3000)]
    details = [letter.detail for letter in letters_of(values, ELEMENTS)]
    assert len(details) == 3000
    assert all(details[:EXPLAINED])
    assert not any(details[EXPLAINED:])
