"""Values that are nested deeply, or that are lists and objects, are malformed like any other."""

import pytest

from sources.parsing.kafka_values import parse_values
from sources.schema.explain import explain_own_value
from sources.schema.kafka_values import explain_value, parse_schema_values
from sources.schema.load import parse_schema

SCHEMA = parse_schema(
    'format = "jsonl"\n[fields]\nuser = "user"\nitem = "item"\ntime = "time"\n'
    'behavior = "behavior"',
    "test",
)
PARTS = {"user": "1", "item": "2", "time": "3", "behavior": '"pv"'}


@pytest.mark.parametrize("depth", [1, 300, 950, 990, 1000, 1020, 1024, 1025, 100_000])
@pytest.mark.parametrize("part", PARTS)
def test_a_deep_list(part: str, depth: int) -> None:
    parts = PARTS | {part: "[" * depth + "]" * depth}
    value = ("{" + ",".join(f'"{name}":{text}' for name, text in parts.items()) + "}").encode()
    for parsed, detail in (
        (
            parse_schema_values([value], SCHEMA),
            lambda why: explain_value(why, value.decode(), SCHEMA),
        ),
        (parse_values([value]), lambda why: explain_own_value(why, value.decode())),
    ):
        assert not len(parsed.events)
        (reason,) = parsed.malformed.reasons()
        assert reason in ("not JSON", "not a number", "unknown behavior")
        assert detail(reason)
