"""The values of a poll to events: CSV in columns, JSON object by object.

A value is `user,item,time[,behavior]`, or a JSON object with these names (or their synonyms).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from sources.parsing.blocks import batch_of, parse_block
from sources.parsing.fields import Int64s
from sources.parsing.layout import SYNONYMS, Layout
from sources.parsing.lines import Malformed, Row, check, parse_line, whole_number
from transforms.messages.dead_letters import NOT_JSON, NOT_UTF8, TOO_FEW
from transforms.messages.events import EventBatch

SHORT = Layout(width=3, user=0, item=1, time=2, behavior=None)
LONG = Layout(width=4, user=0, item=1, time=2, behavior=3)

_EXACT_FLOATS = float(1 << 53)


class ParsedValues(NamedTuple):
    """What values held: each is in exactly one of the two.

    Attributes:
        events: the events, in the values' order.
        rows: int64 [events], which value each came from.
        wrong: the other values' numbers, in order, with what is wrong with them.
    """

    events: EventBatch
    rows: Int64s
    wrong: list[tuple[int, Malformed]]


def parse_values(values: Sequence[bytes | None]) -> ParsedValues:
    """The events of values; each is judged by itself."""
    short: list[int] = []
    long: list[int] = []
    single: list[int] = []
    for row, value in enumerate(values):
        if not value or value[0] in b"{ \t\r" or b"\n" in value:
            single.append(row)
        elif value.count(b",") == 2:
            short.append(row)
        else:
            long.append(row)
    parts = []
    wrong: list[tuple[int, Malformed]] = []
    for rows, layout in ((short, SHORT), (long, LONG)):
        if rows:
            parts.append(_parse_columns(values, rows, layout, wrong))
    if single:
        parts.append(_parse_single(values, single, wrong))
    wrong.sort()
    if len(parts) == 1:
        return ParsedValues(*parts[0], wrong)
    if not parts:
        return ParsedValues(EventBatch.empty(), np.empty(0, np.int64), wrong)
    events = EventBatch.concat(events for events, _ in parts)
    rows_of = np.concatenate([rows for _, rows in parts])
    order = np.argsort(rows_of)
    return ParsedValues(events.take(order), rows_of[order], wrong)


def _parse_columns(
    values: Sequence[bytes | None],
    rows: list[int],
    layout: Layout,
    wrong: list[tuple[int, Malformed]],
) -> tuple[EventBatch, Int64s]:
    block = b"\n".join([values[row] or b"" for row in rows])
    events, malformed = parse_block(block, layout)
    wrong += [(rows[bad.row], Malformed(bad.reason, bad.time)) for bad in malformed]
    return events, np.delete(np.array(rows, np.int64), [bad.row for bad in malformed])


def _parse_single(
    values: Sequence[bytes | None], rows: list[int], wrong: list[tuple[int, Malformed]]
) -> tuple[EventBatch, Int64s]:
    good: list[Row] = []
    at = []
    for row in rows:
        parsed = parse_value(values[row])
        if isinstance(parsed, Row):
            good.append(parsed)
            at.append(row)
        else:
            wrong.append((row, parsed))
    return batch_of(good), np.array(at, np.int64)


def parse_value(value: bytes | None) -> Row | Malformed:
    """The event in one value, or what is wrong with it; a tombstone has too few fields."""
    text = (value or b"").strip(b"\r\n")
    if not text:
        return Malformed(TOO_FEW, None)
    if text.lstrip().startswith(b"{"):
        return _parse_json(text)
    return parse_line(text, SHORT if text.count(b",") == 2 else LONG)


def _parse_json(text: bytes) -> Row | Malformed:
    try:
        found = json.loads(text.decode("utf-8"))
    except UnicodeDecodeError:
        return Malformed(NOT_UTF8, None)
    except (ValueError, RecursionError):
        return Malformed(NOT_JSON, None)
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
