"""A schema for a topic's values: events, ignored values, dead letters with details."""

from types import SimpleNamespace

import pytest

from sources.kafka.outputs import RecordOutputs
from sources.kafka.watermark import EventTimeLimits, PartitionWatermark
from sources.malformed import FirstLines, MalformedTally
from sources.options import InputSettings, KafkaSettings
from sources.read import reader_config
from sources.schema.load import load_schema
from transforms.messages.dead_letters import DeadLetterBatch
from transforms.messages.events import EventBatch
from transforms.progress import ProgressCounters

TIME = 1_760_000_000
SCHEMA = """
format = "jsonl"
[fields]
user = "who"
item = "items[].id"
time = "at"
behavior = "event"
[time]
format = "ms"
[behaviors]
view = "pv"
order = "buy"
"*" = "ignore"
"""


def record(offset: int, value: bytes | None) -> SimpleNamespace:
    return SimpleNamespace(offset=offset, value=value, timestamp_type=0, timestamp=0)


def test_values_by_a_schema(tmp_path) -> None:
    path = tmp_path / "shop.toml"
    path.write_text(SCHEMA)
    config = reader_config(InputSettings("kafka://h:1/clicks", schema=str(path)), KafkaSettings())
    assert config.schema == load_schema(str(path))
    outputs = RecordOutputs("clicks", 300, 1000, ProgressCounters("test"), True, config.schema)
    values = [
        b'{"who": 1, "at": %d, "event": "order", "items": [{"id": 2}, {"id": "3"}]}'
        % (TIME * 1000),
        b'{"event": "ping"}',
        b'{"who": 1, "at": "x", "event": "view", "items": [{"id": 2}]}',
        None,
        b'{"who": 1, "at": %d, "event": "view", "items": [{"id": 4}]}' % (TIME * 1000 + 999),
        b'{"who": 1, "at": 99999999999999, "event": "view", "items": [{"id": 4}]}',
    ]
    limits = EventTimeLimits(out_of_orderness=10, allowed_lateness=3600, idle=60)
    watermark = PartitionWatermark(limits, None, None)
    records = [record(offset, value) for offset, value in enumerate(values)]
    found = [
        getattr(each, "value", each) for each in outputs.of(0, records, watermark, FirstLines(1))
    ]
    events = [each for each in found if isinstance(each, EventBatch)]
    found = [getattr(each, "value", each) for each in found]
    (batch,) = events
    assert list(zip(*(column.tolist() for column in batch.columns()), strict=True)) == [
        (1, 2, 3, TIME), (1, 3, 3, TIME), (1, 4, 0, TIME),
    ]  # fmt: skip
    (letters,) = [each for each in found if isinstance(each, DeadLetterBatch)]
    assert [(letter.source, letter.reason, letter.detail) for letter in letters] == [
        ("clicks/0/2", "not a number", "time (at) is 'x', no number"),
        ("clicks/0/3", "too few fields", "the value is empty"),
        (
            "clicks/0/5",
            "future",
            "time (at) is '99999999999999', further ahead of the clock than --max_future",
        ),
    ]
    (tally,) = [each for each in found if isinstance(each, MalformedTally)]
    assert tally.lines == 7


@pytest.mark.parametrize("value", [b"1,2,3,view", b"x"])
def test_values_of_csv_need_columns(value: bytes, tmp_path) -> None:
    from sources.schema.kafka_values import explain_value, parse_schema_values

    path = tmp_path / "shop.toml"
    path.write_text(SCHEMA.replace('format = "jsonl"', "").replace("items[].id", "item"))
    schema = load_schema(str(path))
    parsed = parse_schema_values([value], schema)
    assert parsed.malformed.reasons() == ["not JSON"]
    assert "needs columns" in explain_value("not JSON", value.decode(), schema)
