"""The values of a poll to events: CSV as columns, JSON object by object.

A value is `user,item,time[,behavior]`, or a JSON object with these names (or their synonyms).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sources.parsing.blocks import parse_rows
from sources.parsing.layout import SYNONYMS, Layout
from sources.parsing.lines import Row, batch_of, check, parse_line, whole_number
from sources.parsing.malformed import Malformed, MalformedRows, ParsedRows
from transforms.messages.dead_letters import (
    DUPLICATE_KEY,
    NOT_JSON,
    NOT_UTF8,
    TOO_FEW,
    TOO_LONG,
)

if TYPE_CHECKING:
    from sources.schema.schema import Schema

SHORT = Layout(width=3, user=0, item=1, time=2, behavior=None)
LONG = Layout(width=4, user=0, item=1, time=2, behavior=3)

_EXACT_FLOATS = float(1 << 53)

_MAY_BE_JSON = b"{ \t\r\v\f"
"""First bytes of a value that may be an object, after blanks."""


def parse_values(
    values: Sequence[bytes | None], max_bytes: int | None = None, schema: Schema | None = None
) -> ParsedRows:
    """The events of values; each value is judged by itself.

    Args:
        values: one row each; None is a tombstone.
        max_bytes: a longer value is malformed, reason `too long`; None for no limit.
        schema: what the values' fields mean; None: they are an event's own.
    """
    if schema is not None:
        # Imported here: the schema's modules import this package.
        from sources.schema.kafka_values import parse_schema_values

        return parse_schema_values(values, schema, max_bytes)
    short: list[int] = []
    long: list[int] = []
    single: list[int] = []
    too_long: list[int] = []
    for row, value in enumerate(values):
        if value and max_bytes is not None and len(value) > max_bytes:
            too_long.append(row)
        elif not value or value[0] in _MAY_BE_JSON or b"\n" in value:
            single.append(row)
        elif value.count(b",") == 2:
            short.append(row)
        else:
            long.append(row)
    parts = [
        _parse_columns(values, rows, layout)
        for rows, layout in ((short, SHORT), (long, LONG))
        if rows
    ]
    if single:
        parts.append(_parse_single(values, single))
    if too_long:
        malformed = MalformedRows.of((row, Malformed(TOO_LONG, None)) for row in too_long)
        parts.append(ParsedRows.of_malformed(malformed))
    return ParsedRows.concat(parts)


def _parse_columns(values: Sequence[bytes | None], rows: list[int], layout: Layout) -> ParsedRows:
    block = b"\n".join([values[row] or b"" for row in rows])
    return parse_rows(block, layout).renumbered(np.array(rows, np.int64))


def _parse_single(values: Sequence[bytes | None], rows: list[int]) -> ParsedRows:
    good: list[Row] = []
    good_rows: list[int] = []
    malformed: list[tuple[int, Malformed]] = []
    for row in rows:
        parsed = parse_value(values[row])
        if isinstance(parsed, Row):
            good.append(parsed)
            good_rows.append(row)
        else:
            malformed.append((row, parsed))
    return ParsedRows(batch_of(good), np.array(good_rows, np.int64), MalformedRows.of(malformed))


def parse_value(value: bytes | None) -> Row | Malformed:
    """The event in one value, or what is wrong with it; a tombstone has too few fields."""
    text = (value or b"").strip(b"\r\n")
    if not text:
        return Malformed(TOO_FEW, None)
    if text.lstrip().startswith(b"{"):
        return _parse_json(text)
    return parse_line(text, SHORT if text.count(b",") == 2 else LONG)


def _parse_json(text: bytes) -> Row | Malformed:
    repeated = False

    def to_dict(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        # Called for the outermost object last.
        nonlocal repeated
        found = dict(pairs)
        repeated = len(found) < len(pairs)
        return found

    try:
        found = json.loads(text.decode("utf-8"), object_pairs_hook=to_dict)
    except UnicodeDecodeError:
        return Malformed(NOT_UTF8, None)
    except (ValueError, RecursionError):
        return Malformed(NOT_JSON, None)
    if repeated:
        return Malformed(DUPLICATE_KEY, None)
    parts = {}
    for part, synonyms in SYNONYMS.items():
        for synonym in synonyms:
            if synonym in found:
                parts[part] = found[synonym]
                break
        else:
            if part != "behavior":
                return Malformed(TOO_FEW, None)
    behavior = parts.get("behavior")
    if behavior is not None and not isinstance(behavior, str):
        behavior = ""
    user, item, time = (_json_number(parts[part]) for part in ("user", "item", "time"))
    return check(user, item, behavior, time)


def _json_number(value: Any) -> int | None:
    """The whole number that a JSON value is: a number, or text with one in it."""
    if isinstance(value, str):
        return whole_number(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, float):
        return int(value) if abs(value) < _EXACT_FLOATS and value.is_integer() else None
    return value if -(2**63) <= value < 2**63 else None
