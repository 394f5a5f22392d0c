"""The values of a poll to events, as a schema says: CSV as columns, JSON by orjson."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sources.parsing.malformed import Malformed, MalformedRows, ParsedRows
from sources.schema.csv_lines import CsvLines
from sources.schema.explain import FIXED, SEVERAL_LINES, explain
from sources.schema.json_lines import JsonLines
from sources.schema.schema import Schema
from transforms.messages.dead_letters import NOT_JSON, TOO_FEW, TOO_LONG, TOO_MANY


def parse_schema_values(
    values: Sequence[bytes | None], schema: Schema, max_bytes: int | None = None
) -> ParsedRows:
    """The events of values; each value is judged by itself.

    Args:
        values: one row each; None is a tombstone.
        schema: what the fields mean; a value of CSV has the fields of its `columns`.
        max_bytes: a longer value is malformed, reason `too long`; None for no limit.
    """
    if schema.registry is not None:
        return _registered(values, schema, max_bytes)
    malformed: list[tuple[int, Malformed]] = []
    objects: list[int] = []
    lines: list[int] = []
    for row, value in enumerate(values):
        text = (value or b"").strip(b" \t\r\n") if not value or value[:1] != b"{" else value
        if not text:
            malformed.append((row, Malformed(TOO_FEW, None)))
        elif max_bytes is not None and len(value or b"") > max_bytes:
            malformed.append((row, Malformed(TOO_LONG, None)))
        elif schema.format == "jsonl" or (schema.format is None and text[:1] == b"{"):
            objects.append(row)
        elif not schema.columns:
            malformed.append((row, Malformed(NOT_JSON, None)))
        elif b"\n" in (value or b"").strip(b"\r\n"):
            malformed.append((row, Malformed(TOO_MANY, None)))
        else:
            lines.append(row)
    parts = []
    if objects:
        found = JsonLines(schema).parse_values([values[row] or b"" for row in objects])
        parts.append(found.renumbered(np.array(objects, np.int64)))
    if lines:
        block = b"\n".join([(values[row] or b"").strip(b"\r\n") for row in lines])
        found = csv_lines(schema).parse(block)
        parts.append(found.renumbered(np.array(lines, np.int64)))
    if malformed:
        parts.append(ParsedRows.of_malformed(MalformedRows.of(malformed)))
    return ParsedRows.concat(parts)


def _registered(
    values: Sequence[bytes | None], schema: Schema, max_bytes: int | None
) -> ParsedRows:
    """The events of values of Avro or Protobuf."""
    from sources.registry.client import registry_at
    from sources.registry.values import decode

    too_long = {
        row for row, value in enumerate(values) if max_bytes and len(value or b"") > max_bytes
    }
    empty = {row for row, value in enumerate(values) if not value}
    kept = [row for row in range(len(values)) if row not in too_long and row not in empty]
    registry = registry_at(schema.registry or "")
    decoded = decode([values[row] or b"" for row in kept], registry, schema.wanted())
    found = JsonLines(schema).parse_objects(*decoded).renumbered(np.array(kept, np.int64))
    others = [(row, Malformed(TOO_LONG, None)) for row in sorted(too_long)]
    others += [(row, Malformed(TOO_FEW, None)) for row in sorted(empty)]
    return ParsedRows.concat((found, ParsedRows.of_malformed(MalformedRows.of(others))))


def explain_malformed(reason: str, raw: str, value: bytes, schema: Schema) -> str:
    """The detail of a malformed value of a topic.

    Args:
        reason: its reason.
        raw: the value as text.
        value: the value as it came, for a schema registry.
        schema: what its fields are.
    """
    if schema.registry is not None:
        return explain_registered(reason, value, schema)
    return explain_value(reason, raw, schema)


def explain_registered(reason: str, value: bytes, schema: Schema) -> str:
    """The detail of a malformed value of Avro or Protobuf."""
    from sources.registry.client import registry_at
    from sources.registry.values import UndecodedError, decode_one

    if not value:
        return "the value is empty"
    if reason == TOO_LONG:
        return FIXED[TOO_LONG]
    try:
        found = decode_one(value, registry_at(schema.registry or ""), schema.wanted())
    except UndecodedError as error:
        return str(error)
    return explain(reason, JsonLines(schema).wanted_values(found), schema)


def csv_lines(schema: Schema) -> CsvLines:
    """The reader of values of CSV."""
    return CsvLines.of(schema, schema.columns, f"--schema {schema.name}: columns")


def explain_value(reason: str, raw: str, schema: Schema) -> str:
    """The detail of a malformed value."""
    if not raw.strip():
        return "the value is empty"
    if schema.format == "jsonl" or raw.lstrip().startswith("{"):
        return explain(reason, JsonLines(schema).values(raw), schema)
    if not schema.columns:
        return "no JSON object; for values of CSV the schema needs columns and header = false"
    if "\n" in raw.strip("\r\n"):
        return SEVERAL_LINES
    return explain(reason, csv_lines(schema).values(raw), schema)
