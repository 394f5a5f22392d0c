"""Fuzzes values and lines that a schema reads: each is parsed as it would be alone."""

import sys

import atheris

with atheris.instrument_imports(include=["sources.parsing", "sources.schema"]):
    from sources.parsing.malformed import Malformed, ParsedRows
    from sources.schema.kafka_values import csv_lines, explain_value, parse_schema_values
    from sources.schema.load import parse_schema

FIELDS = """
[fields]
user = "u"
item = "i"
time = "t"
behavior = "b"
[time]
format = "iso"
[behaviors]
v = "pv"
"*" = "ignore"
"""
SCHEMAS = [
    parse_schema(f'header = false\ncolumns = ["u","i","t","b"]\ndelimiter = "{sign}"' + FIELDS, "x")
    for sign in (";", "::")
]
SCHEMAS.append(parse_schema('format = "jsonl"' + FIELDS.replace('"i"', '"p.l[].i"'), "x"))
SEEDS = (
    b'\x001;2;2020-01-01;v\0{"u":1,"i":2,"t":"2020-01-01T00:00:00Z","b":"v"}\0"1";2;3;buy',
    b'\x02{"u":1,"p":{"l":[{"i":2},{}]},"t":"2020-01-01","b":"v"}\0{"u":[],"b":1e9,"t":{}}\0null',
    b'\x02{"u":1,"p":{"l":[{"i":2},{}]},"t":"0708-01-01","b":"v"}',
    b"\x01\xef\xbb\xbf1::2::2020-02-30::v\0\xff::\0\r::\0",
)


def check(data: bytes) -> None:
    """Parses values that are separated by zeros, together and one by one."""
    schema = SCHEMAS[data[0] % len(SCHEMAS) if data else 0]
    values: list[bytes | None] = [value or None for value in data[1:].split(b"\0")]
    alone = [parse_schema_values([value], schema) for value in values]
    assert shown(parse_schema_values(values, schema)) == joined(alone)
    for value, parsed in zip(values, alone, strict=True):
        for _, malformed in parsed.malformed:
            raw = (value or b"").decode("utf-8", "backslashreplace")
            assert explain_value(malformed.reason, raw, schema)
    if schema.columns:
        block = data[1:].replace(b"\0", b"\n")
        lines = [line.removesuffix(b"\r") for line in block.split(b"\n")]
        reader = csv_lines(schema)
        each = [reader.parse(line) for line in lines if line]
        assert shown(reader.parse(block)) == joined(each)


Shown = tuple[list[tuple[int, ...]], list[tuple[int, Malformed]], int]


def shown(parsed: ParsedRows) -> Shown:
    """Events with their rows, malformed rows, and how many are ignored."""
    columns = (parsed.rows, *parsed.events.columns())
    events = list(zip(*(column.tolist() for column in columns), strict=True))
    return events, list(parsed.malformed), parsed.ignored


def joined(alone: list[ParsedRows]) -> Shown:
    """The same of values that were parsed one by one."""
    events: list[tuple[int, ...]] = []
    malformed: list[tuple[int, Malformed]] = []
    ignored = 0
    for row, parsed in enumerate(alone):
        found, wrong, left_out = shown(parsed)
        events += [(row, *event[1:]) for event in found]
        malformed += [(row, what) for _, what in wrong]
        ignored += left_out
    return events, malformed, ignored


if __name__ == "__main__":
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()
