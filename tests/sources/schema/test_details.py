"""The detail of a dead letter names the part of a value that is wrong."""

from datetime import UTC, datetime

from sources.schema.explain import explain, explain_own_value
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


def test_a_typed_time_needs_no_format() -> None:
    before = {"u": 1, "i": 2, "t": datetime(1969, 1, 1, tzinfo=UTC)}
    detail = explain(TIME_RANGE, before, CSV)
    assert detail == "time (t) is '1969-01-01 00:00:00+00:00', before 1970 or after 9999"
