"""What is wrong with one malformed line: which field, which value, and a hint.

Runs for malformed lines alone, in plain Python.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import date
from typing import Any

import pyarrow as pa

from sources.parsing.compact_dates import pattern_of
from sources.parsing.layout import SYNONYMS, Layout, split_fields
from sources.parsing.lines import whole_number
from sources.schema.ids import id_text
from sources.schema.schema import TIME_UNITS, Fields, Schema
from transforms.columns.names import MAX_BYTES as ID_BYTES
from transforms.columns.names import is_valid_id
from transforms.messages import dead_letters as reasons
from transforms.messages.behaviors import BEHAVIORS
from transforms.messages.id_kinds import TEXT

_SHOWN = 60
_ISO = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d|$)")
_DATE = re.compile(r"\d{1,4}[/.-]\d{1,2}[/.-]\d{1,4}\b")
_NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?\s*$")
_PARTS = ("user", "item", "time", "behavior")
_DELIMITERS = (";", "\t", "|", ",")

SEVERAL_LINES = "the value has several lines"
FIXED = {
    reasons.TOO_LONG: "longer than --max_line",
    reasons.NOT_UTF8: "some bytes are not UTF-8",
    reasons.NOT_JSON: "the value is no JSON object",
    reasons.DUPLICATE_KEY: "a key occurs twice in the object",
}


def explain(reason: str, values: Mapping[str, Any] | str, schema: Schema) -> str:
    """The detail of a malformed line.

    Args:
        reason: its reason.
        values: the values of its fields by name, or why it has none.
        schema: what the fields are.
    """
    if reason in FIXED:
        return FIXED[reason]
    if isinstance(values, str):
        return values
    fields = schema.fields
    ids = (("user", fields.user), ("item", fields.item))
    named = [*ids, *(("time", name) for name in fields.time)]
    for part, name in named:
        if values.get(name) is None:
            return f"{_field(part, name)} is missing"
    if reason == reasons.NOT_AN_ID:
        return "; ".join(
            f"{_field(part, name)} is {_show(values[name])}, no text of 1 to {ID_BYTES} bytes "
            "without control characters"
            for part, name in ids
            if getattr(schema.ids, part) == TEXT and not _is_id(id_text(values[name]) or "")
        )
    if reason == reasons.ID_COLLISION:
        return "another id of the input has the key of the user or of the item: rename one of them"
    if reason == reasons.NOT_A_NUMBER:
        for part, name in ids:
            if whole_number(_text(values[name])) is None:
                return _not_whole(part, name, values[name])
        if fields.value is not None and _is_wrong_value(values.get(fields.value)):
            return f"{_field('value', fields.value)} is {_show(values[fields.value])}, no number"
    if reason in (reasons.NOT_A_NUMBER, reasons.NOT_A_TIME, reasons.TIME_RANGE, reasons.FUTURE):
        return "; ".join(
            _time(name, values[name], form, reason)
            for name, form in zip(fields.time, schema.time.formats, strict=True)
        )
    if reason == reasons.UNKNOWN_BEHAVIOR and fields.behavior is not None:
        known = [word for word, _ in schema.behaviors.words] or list(BEHAVIORS)
        value = values.get(fields.behavior)
        if schema.behaviors.thresholds:
            least = schema.behaviors.thresholds[-1][0]
            wrong = f"no number of at least {least:g}"
        else:
            wrong = f"none of {', '.join(known)[:_SHOWN]}"
        return f"{_field('behavior', fields.behavior)} is {_show(value)}, {wrong}"
    if reason == reasons.TOO_FEW:
        # The values are those of the first element of a list; it is another one that lacks one.
        return "the user, the item or the time of an element of the list is missing"
    return ""


def explain_line(reason: str, raw: str, layout: Layout) -> str:
    """The detail of a malformed line of CSV without a schema."""
    if reason in FIXED:
        return FIXED[reason]
    fields = split_fields(raw)
    if reason in (reasons.TOO_FEW, reasons.TOO_MANY) or len(fields) != layout.width:
        return _width(raw, len(fields), layout.width)
    return explain_fields(reason, {part: fields[at] for part, at in _places(layout).items()})


def explain_fields(reason: str, values: Mapping[str, Any]) -> str:
    """The detail of a malformed row of an event's own fields."""
    if reason in FIXED:
        return FIXED[reason]
    behavior = "behavior" if "behavior" in values else None
    return explain(reason, values, Schema("", Fields("user", "item", ("time",), behavior)))


def explain_own_value(reason: str, raw: str) -> str:
    """The detail of a malformed value of a topic without a schema."""
    if reason in FIXED:
        return FIXED[reason]
    if not raw.strip():
        return "the value is empty"
    if not raw.lstrip().startswith("{"):
        fields = split_fields(raw.strip("\r\n"))
        if "\n" in raw.strip("\r\n"):
            return SEVERAL_LINES
        if reason in (reasons.TOO_FEW, reasons.TOO_MANY):
            return f"{len(fields)} fields, not user,item,time[,behavior]"
        return explain_fields(reason, dict(zip(_PARTS, fields, strict=False)))
    try:
        values = json.loads(raw)
    except (ValueError, RecursionError) as error:
        return f"not JSON: {error}"
    found = {}
    for part, names in SYNONYMS.items():
        given = [values[name] for name in names if name in values]
        if given:
            found[part] = given[0]
    return explain_fields(reason, found)


def _is_id(text: str) -> bool:
    return bool(is_valid_id(pa.array([text], pa.string()))[0])


def _places(layout: Layout) -> dict[str, int]:
    places = {part: getattr(layout, part) for part in _PARTS}
    return {part: at for part, at in places.items() if at is not None}


def _width(raw: str, found: int, width: int) -> str:
    said = f"{found} fields, not {width}"
    for sign in _DELIMITERS:
        if sign != "," and len(raw.split(sign)) == width > 1:
            return f"{said}: the delimiter looks like {sign!r}"
    return said


def _field(part: str, name: str) -> str:
    return part if part == name else f"{part} ({name})"


def _is_wrong_value(value: Any) -> bool:
    return value is not None and bool(_text(value).strip()) and not _NUMBER.match(_text(value))


def _text(value: Any) -> str:
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "an object"  # It may be nested deeply.
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _show(value: Any) -> str:
    if value is None:
        return "missing"
    text = _text(value)
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "...")


def _not_whole(part: str, name: str, value: Any) -> str:
    if _text(value).strip() == "":
        return f"{_field(part, name)} is empty"
    return f"{_field(part, name)} is {_show(value)}, no whole number of 64 bits"


def _time(name: str, value: Any, form: str, reason: str) -> str:
    text = _text(value).strip()
    said = f"{_field('time', name)} is {_show(value)}"
    if not text:
        return f"{_field('time', name)} is empty"
    digits = text.lstrip("-").split(".")[0]
    looks = ""
    if isinstance(value, date):  # A typed time, of which a datetime is one, has no format.
        form = "typed"
    elif digits.isdigit() and (pattern := pattern_of(digits)) and form in TIME_UNITS:
        looks = f'looks like a date: time.format = "{pattern}" in a --schema'
    elif digits.isdigit():
        length = len(digits)
        fits = "s" if length <= 10 else "ms" if length <= 14 else "us"
        words = {"s": "seconds", "ms": "milliseconds", "us": "microseconds"}[fits]
        if fits != form and not (fits == "s" and length < 9):
            looks = f'looks like {words}: time.format = "{fits}" in a --schema'
    elif _ISO.match(text) and form != "iso":
        looks = 'looks like ISO 8601: time.format = "iso" in a --schema'
    elif _DATE.match(text) and form in TIME_UNITS:
        looks = "looks like a date: give its strptime pattern as time.format in a --schema"
    if looks:
        return f"{said}; {looks}"
    if reason == reasons.FUTURE:
        return f"{said}, further ahead of the clock than --max_future"
    if reason == reasons.TIME_RANGE:
        return f"{said}, before 1970 or after 9999"
    if form == "typed":
        return f"{said}, no time that is read"
    kind = "no number" if form in TIME_UNITS else f"not of the format '{form}'"
    return f"{said}, {kind}"
