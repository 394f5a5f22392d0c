"""Whether time formats and zones of a schema can be used."""

from __future__ import annotations

import re
from datetime import datetime
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc


def whole_pattern(pattern: str) -> str:
    """The pattern with `%T`, which Python lacks, written out."""
    return re.sub(r"(?<!%)((?:%%)*)%T", r"\1%H:%M:%S", pattern)


def problem_of(pattern: str) -> str | None:
    """Why a strptime pattern can read no text, or None."""
    try:
        datetime.strptime("", pattern)
    except re.error:
        return "a directive occurs twice"
    except ValueError as error:
        said = str(error)
        return None if "does not match" in said else said
    return None


def is_zone(name: str) -> bool:
    """Whether a time zone is known, to Python and to Arrow."""
    try:
        ZoneInfo(name)
        pc.assume_timezone(pa.array([0], pa.timestamp("us")), name)
    except (ValueError, OSError, LookupError):
        return False
    return True
