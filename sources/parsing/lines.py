"""One line at a time, in plain Python: what an event is, and what is wrong with a line.

This is the meaning of a line. `sources.parsing.blocks` gives the same answers for whole blocks,
with columns, and comes here only for the few lines that columns cannot decide.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from sources.parsing.layout import Layout, split_fields
from transforms.messages.dead_letters import (
    NOT_A_NUMBER,
    NOT_UTF8,
    TIME_RANGE,
    TOO_FEW,
    TOO_MANY,
    UNKNOWN_BEHAVIOR,
)
from transforms.messages.events import BEHAVIORS, TIME_LIMIT

BLANKS = " \t"
"""What may stand around a field."""

CODES = {name: code for code, name in enumerate(BEHAVIORS)}
"""A behavior's code by its name."""

_WHOLE = re.compile(r"-?[0-9]+")
_INT64 = range(-(2**63), 2**63)


class Row(NamedTuple):
    """An event as a row; behavior is its code."""

    user: int
    item: int
    behavior: int
    time: int


class Malformed(NamedTuple):
    """Why a line is not an event, and its time where that could be read."""

    reason: str
    time: int | None


def whole_number(text: str) -> int | None:
    """The number if the text is a whole one within 64 bits, blanks around it allowed."""
    digits = text.strip(BLANKS)
    if not _WHOLE.fullmatch(digits):
        return None
    if len(digits) > 20:  # int() is slow on, or refuses, thousands of digits
        sign, digits = ("-", digits[1:]) if digits[0] == "-" else ("", digits)
        digits = sign + (digits.lstrip("0") or "0")
        if len(digits) > 20:
            return None
    number = int(digits)
    return number if number in _INT64 else None


def check(
    user: int | None, item: int | None, behavior: str | None, time: int | None
) -> Row | Malformed:
    """The event of these parts, or the first thing that is wrong with them.

    Args:
        user: its id, None if it is not a whole number.
        item: its id, None if it is not a whole number.
        behavior: its name, None where the source has no behaviors.
        time: seconds since the epoch, None if it is not a whole number.
    """
    in_range = time is not None and 0 <= time < TIME_LIMIT
    if user is None or item is None or time is None:
        return Malformed(NOT_A_NUMBER, time if in_range else None)
    if not in_range:
        return Malformed(TIME_RANGE, None)
    code = 0 if behavior is None else CODES.get(behavior.strip(BLANKS))
    if code is None:
        return Malformed(UNKNOWN_BEHAVIOR, time)
    return Row(user, item, code, time)


def parse_line(line: bytes, layout: Layout) -> Row | Malformed:
    """The event on a line (without its end), or what is wrong with the line."""
    try:
        fields = split_fields(line.decode("utf-8"))
    except UnicodeDecodeError:
        return Malformed(NOT_UTF8, None)
    if len(fields) != layout.width:
        return Malformed(TOO_FEW if len(fields) < layout.width else TOO_MANY, None)
    return check(
        whole_number(fields[layout.user]),
        whole_number(fields[layout.item]),
        None if layout.behavior is None else fields[layout.behavior],
        whole_number(fields[layout.time]),
    )
