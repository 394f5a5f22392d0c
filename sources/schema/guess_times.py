"""Guesses the formats of times, for `sources.schema.propose`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import pyarrow as pa

from sources.parsing.compact_dates import pattern_of
from sources.schema.clocks import SHAPE
from sources.schema.schema import CLOCK, TimeFormat
from sources.schema.times import read_times

_FORMATS = (
    "iso", "%m/%d/%y %H:%M", "%d/%m/%y %H:%M", "%m/%d/%Y %H:%M", "%d/%m/%Y %H:%M",
    "%m/%d/%Y %H:%M:%S", "%d/%m/%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%d.%m.%Y %H:%M:%S",
    "%Y/%m/%d %H:%M", "%Y/%m/%d %H:%M:%S", "%m/%d/%Y", "%d/%m/%Y", "%d.%m.%Y", "%Y/%m/%d",
    "%m/%d/%y", "%d/%m/%y", "%d.%m.%y", "%d.%m.%y %H:%M",
)  # fmt: skip
_TRIED = 200
_UNITS = ((9, 11, "s"), (12, 14, "ms"), (15, 17, "us"))
_DATE = re.compile(r"\d{4}([-/])\d{1,2}\1\d{1,2}|\d{1,2}([./])\d{1,2}\2(\d{4}|\d\d)|(19|20)\d{6}")
_CLOCK = re.compile(SHAPE)
_CLOCK_NAMES = (
    "timeframe", "timeofday", "clock", "time", "eventtime", "secondofday", "msofday", "seconds",
    "milliseconds",
)  # fmt: skip
_DAY = 86_400


def filled(values: Sequence[str | None]) -> list[str]:
    """The texts that are not empty, without blanks around them."""
    return [value.strip() for value in values if value and value.strip()]


def guess_format(values: Sequence[str | None]) -> str:
    """The format of some times; `s` where none fits."""
    texts = filled(values)
    if not texts:
        return "s"
    compact = Counter(pattern_of(text) for text in texts if text.isdigit())
    if compact and (pattern := compact.most_common(1)[0][0]):
        return pattern
    digits = Counter(len(text.split(".")[0]) for text in texts if text.split(".")[0].isdigit())
    if digits:
        length = digits.most_common(1)[0][0]
        units = [unit for least, most, unit in _UNITS if least <= length <= most]
        if units:
            return units[0]
    column = pa.array(texts, pa.string())
    # A format that fits none of some texts is not tried on all: most of them Python has to read.
    some = column.take(pa.array(range(0, len(column), -(-len(column) // _TRIED))))
    forms = [form for form in _FORMATS if _fitting(some, form)]
    if len(forms) < 2:
        return forms[0] if forms else "s"
    shares = [(_fitting(column, form), form) for form in forms]
    most = max(count for count, _ in shares)
    return next(form for count, form in shares if count == most)


def other_order(values: Sequence[str | None], form: str) -> str | None:
    """The format with day and month the other way round, where it fits the times as well."""
    if not form.startswith(("%m/%d", "%d/%m")):
        return None
    swapped = f"%{form[4]}/%{form[1]}{form[5:]}"
    column = pa.array(filled(values), pa.string())
    return swapped if _fitting(column, swapped) >= _fitting(column, form) else None


def _fitting(column: pa.Array, form: str) -> int:
    """How many of some texts are times of a format; the year 25 is none, and %Y reads it."""
    seconds, valid = read_times([column], TimeFormat((form,)))
    return int((valid & (seconds >= 0)).sum())


def are_dates(values: Sequence[str | None]) -> bool:
    """Whether some times are days, without a time of the day."""
    texts = filled(values)
    return bool(texts) and all(map(_DATE.fullmatch, texts))


def are_clocks(values: Sequence[str | None]) -> bool:
    """Whether some texts are times of the day, such as 8:53 or 8:53 PM."""
    texts = filled(values)
    return bool(texts) and all(map(_CLOCK.fullmatch, texts))


def guess_clock(name: str, values: Sequence[str | None]) -> str | None:
    """The format of a column that may be the times of the day beside a column of dates.

    Args:
        name: the column's name, in small letters and digits alone.
        values: its values.

    Returns:
        None where it is no such column.
    """
    texts = filled(values)
    if are_clocks(values):
        colons = {text.count(":") for text in texts}
        if len(colons) > 1 or any(text.rstrip(". ").lower().endswith("m") for text in texts):
            return CLOCK
        return "%H:%M:%S" if colons == {2} else "%H:%M"
    whole = [text for text in texts if text.isascii() and text.isdigit()]
    if name not in _CLOCK_NAMES or not whole or len(whole) < len(texts) / 2:
        return None
    # The day's milliseconds of CIKM Cup 2016, which may all be small in a sample.
    largest = max(int(text[:20]) for text in whole)
    if largest >= 1000 * _DAY:
        return None
    return "ms" if largest >= _DAY or name.startswith(("timeframe", "ms", "milli")) else "s"
