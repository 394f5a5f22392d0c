"""Fuzzes the values of a poll: each is parsed as it would be alone."""

import sys

import atheris

with atheris.instrument_imports(include=["sources.parsing", "sources.schema"]):
    from sources.parsing.kafka_values import parse_value, parse_values
    from sources.parsing.lines import Row
    from sources.parsing.malformed import Malformed
    from sources.schema.explain import explain_own_value

SEEDS = (
    b'1,2,3\0{"user":1,"item":2,"time":3}\0"1",2,3,buy',
    b'{"user_id":"1","item":2.0,"timestamp":3,"label":"fav","a":[{}]}\0\xef\xbb\xbf1,2,3',
)


def check(data: bytes) -> None:
    """Parses values that are separated by zeros, together and one by one."""
    values: list[bytes | None] = [value or None for value in data.split(b"\0")]
    parsed = parse_values(values)
    alone = [parse_value(value) for value in values]
    columns = (column.tolist() for column in parsed.events.columns())
    events = zip(parsed.rows.tolist(), zip(*columns, strict=True), strict=True)
    assert [(row, found) for row, found in enumerate(alone) if isinstance(found, Row)] == [
        (row, Row(*fields)) for row, fields in events
    ]
    malformed = [(row, found) for row, found in enumerate(alone) if isinstance(found, Malformed)]
    assert list(parsed.malformed) == malformed
    for row, found in malformed:
        raw = (values[row] or b"").decode("utf-8", "backslashreplace")
        assert explain_own_value(found.reason, raw)


if __name__ == "__main__":
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()
