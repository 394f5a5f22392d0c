"""One line at a time, in plain Python: which event it is, or what is wrong with it.

This defines the meaning of a line. `sources.parsing.blocks` gives the same answers for blocks
of lines, with columns, and uses this module for the few lines that columns cannot decide.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np

from sources.parsing.compact_dates import is_date
from sources.parsing.layout import Layout, split_fields
from sources.parsing.malformed import Malformed
from transforms.messages.dead_letters import (
    NOT_A_NUMBER,
    NOT_UTF8,
    TIME_RANGE,
    TOO_FEW,
    TOO_MANY,
    UNKNOWN_BEHAVIOR,
)
from transforms.messages.events import BEHAVIORS, TIME_LIMIT, EventBatch

BLANKS = " \t"
"""Characters that may surround a field."""

BEHAVIOR_CODES = {name: code for code, name in enumerate(BEHAVIORS)}
"""A behavior's code by its name."""

_WHOLE = re.compile(r"-?[0-9]+")
_INT64 = range(-(2**63), 2**63)


class Row(NamedTuple):
    """An event as a row; behavior is its code, time is in seconds since the epoch."""

    user: int
    item: int
    behavior: int
    time: int


def batch_of(rows: list[Row]) -> EventBatch:
    """The rows as columns."""
    if not rows:
        return EventBatch.empty()
    user, item, behavior, time = zip(*rows, strict=True)
    return EventBatch(
        np.array(user, np.int64),
        np.array(item, np.int64),
        np.array(behavior, np.int8),
        np.array(time, np.int64),
    )


def whole_number(text: str) -> int | None:
    """The number if the text is a whole one within 64 bits; blanks may surround it."""
    digits = text.strip(BLANKS)
    if not _WHOLE.fullmatch(digits):
        return None
    if len(digits) > 20:  # int() is slow on thousands of digits, or refuses them.
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
        time: seconds since the epoch, None if it is not a whole number. A date without separators
            (20251009) is out of range.
    """
    in_range = time is not None and 0 <= time < TIME_LIMIT and not is_date(time)
    if user is None or item is None or time is None:
        return Malformed(NOT_A_NUMBER, time if in_range else None)
    if not in_range:
        return Malformed(TIME_RANGE, None)
    code = 0 if behavior is None else BEHAVIOR_CODES.get(behavior.strip(BLANKS))
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
