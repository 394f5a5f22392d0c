"""Numbers that are dates without separators, such as 20251009, where seconds are expected.

As seconds they are in August 1970: a mistake, which is told rather than read.
"""

from __future__ import annotations

import re

from sources.parsing.malformed import Bools, Int64s

FIRST, LAST = 1900_01_01, 2099_12_31
_DATE = re.compile(r"(19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])")
_CLOCK = re.compile(r"([01]\d|2[0-3])[0-5]\d([0-5]\d)?")


def are_dates(numbers: Int64s) -> Bools:
    """Which numbers have eight digits that are a year of 1900 to 2099, a month and a day.

    Args:
        numbers: int64 [n].

    Returns:
        bool [n].
    """
    found: Bools = (numbers >= FIRST) & (numbers <= LAST)
    if found.any():
        month, day = numbers // 100 % 100, numbers % 100
        found &= (month >= 1) & (month <= 12) & (day >= 1) & (day <= 31)
    return found


def is_date(number: int) -> bool:
    """The same of one number."""
    return FIRST <= number <= LAST and bool(_DATE.fullmatch(str(number)))


def pattern_of(digits: str) -> str | None:
    """The strptime pattern of digits that look like a date, or a date and a time of the day.

    Args:
        digits: digits alone.

    Returns:
        `%Y%m%d`, with `%H%M` or `%H%M%S` where hours and minutes, or seconds too, follow; else
        None.
    """
    if not _DATE.match(digits):
        return None
    clock = digits[8:]
    if clock and not _CLOCK.fullmatch(clock):
        return None
    return "%Y%m%d" + {0: "", 4: "%H%M", 6: "%H%M%S"}[len(clock)]
