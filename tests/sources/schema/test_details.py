"""The detail of a dead letter names the part of a value that is wrong."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from sources.schema.explain import explain, explain_own_value
from sources.schema.json_lines import JsonLines
from sources.schema.kafka_values import explain_value, parse_schema_values
from sources.schema.load import parse_schema
from transforms.messages.dead_letters import TIME_RANGE

LIST = parse_schema('format = "jsonl"\n[fields]\nuser = "u"\nitem = "l[].i"\ntime = "t"\n', "test")
CSV = parse_schema(
    """
    header = false
    columns = ["u", "i", "t"]
    [fields]
    user = "u"
    item = "i"
    time = "t"
    """,
    "test",
)


def test_the_element_of_a_list_that_is_wrong() -> None:
    value = b'{"u": 1, "t": 2, "l": [{"i": 3}, {"i": "x"}, {}]}'
    parsed = parse_schema_values([value], LIST)
    assert parsed.events.item.tolist() == [3]
    assert parsed.malformed.reasons() == ["not a number", "too few fields"]
    detail = explain_value("not a number", value.decode(), LIST)
    assert detail == "item (l[].i) is 'x', no whole number of 64 bits"


def test_a_value_of_several_lines() -> None:
    parsed = parse_schema_values([b"1,2,3\n4,5,6"], CSV)
    assert parsed.malformed.reasons() == ["too many fields"]
    assert explain_value("too many fields", "1,2\n,3", CSV) == "the value has several lines"
    assert explain_own_value("too many fields", "1,2\n,3") == "the value has several lines"


def test_a_whole_number_with_a_point_is_not_what_is_wrong() -> None:
    detail = explain_own_value("not a number", '{"user": 1.0, "item": 2, "time": "x"}')
    assert detail == "time is 'x', no number"


@pytest.mark.parametrize("path", ["t", "l[].t"])
def test_times_of_several_types_in_one_column(path: str) -> None:
    # The times of a union of Avro; a local time is one of the schema's zone.
    schema = parse_schema(
        f'format = "jsonl"\n[fields]\nuser = "u"\nitem = "i"\ntime = "{path}"\n'
        '[time]\nformat = "ms"\nzone = "Europe/Berlin"\n', "test",
    )  # fmt: skip
    local = datetime(2025, 10, 9, 10, 53, 20)
    times = [
        1_760_000_000_123, local, None, local.replace(tzinfo=timezone(timedelta(hours=2))), "x",
        1_760_000_000_999.5, date(2025, 10, 9), "1760000000000", datetime(1969, 1, 1, tzinfo=UTC),
    ]  # fmt: skip
    objects = [
        {"u": user, "i": 1, "t": moment, "l": [{"t": moment}]} for user, moment in enumerate(times)
    ]
    parsed = JsonLines(schema).parse_objects(objects, None, [])
    events = parsed.events
    assert dict(zip(events.user.tolist(), events.time.tolist(), strict=True)) == {
        **dict.fromkeys((0, 1, 3, 5, 7), 1_760_000_000), 6: 1_759_960_800,
    }  # fmt: skip
    assert parsed.rows.tolist() == sorted(parsed.rows) == events.user.tolist()
    assert parsed.malformed.row.tolist() == [2, 4, 8]
    assert parsed.malformed.reasons() == ["too few fields", "not a number", "time out of range"]


def test_a_typed_time_needs_no_format() -> None:
    before = {"u": 1, "i": 2, "t": datetime(1969, 1, 1, tzinfo=UTC)}
    detail = explain(TIME_RANGE, before, CSV)
    assert detail == "time (t) is '1969-01-01 00:00:00+00:00', before 1970 or after 9999"
