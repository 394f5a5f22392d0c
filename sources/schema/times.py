"""Columns of times, in any of a schema's formats, to seconds since the epoch."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from sources.parsing.malformed import Bools, Int64s
from sources.schema.clocks import clock_seconds
from sources.schema.columns import floats, given, numbers, texts
from sources.schema.schema import CLOCK, ISO, TIME_UNITS, TimeFormat
from transforms.messages.events import TIME_LIMIT

MICRO = 1_000_000
_DAY = 86_400
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LARGEST = 1 << 62
_FRACTION = r"(:\d\d)[.,]\d+"
_NAIVE_ISO = r"^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d)?)?$"
_ZONED_ISO = r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(Z|[+-]\d\d(:?\d\d)?)$"
_NOT_BY_ARROW = re.compile(r"%[^YmdHMSyT%]")
"""Directives that Arrow's strptime lacks, or reads differently from Python's."""
_HAS_DATE = re.compile(r"%[YyjmdbBxcDFsGuVUW]")


class Micros(NamedTuple):
    """A column's times.

    Attributes:
        values: int64 [n], microseconds.
        valid: bool [n], whether there is a time.
        local: bool [n], whether it is a local time of the schema's zone.
    """

    values: Int64s
    valid: Bools
    local: Bools

    @staticmethod
    def empty(rows: int) -> Micros:
        """No times yet."""
        return Micros(np.zeros(rows, np.int64), np.zeros(rows, bool), np.zeros(rows, bool))


def read_times(columns: Sequence[pa.Array], time: TimeFormat) -> tuple[Int64s, Bools]:
    """The sums of some columns' values.

    Args:
        columns: an array [n] for each of the formats.
        time: the formats and the zone.

    Returns:
        Seconds since the epoch, int64 [n], fractions cut off; and whether there is one, bool [n].
    """
    total, valid = np.zeros(len(columns[0]), np.int64), np.ones(len(columns[0]), bool)
    if len(columns) == 1 and time.formats == ("s",) and not is_clock(columns[0].type):
        return _seconds(columns[0])
    local = np.zeros(len(total), bool)
    for column, pattern in zip(columns, time.formats, strict=True):
        part = _micros(column, pattern)
        total, valid, local = total + part.values, valid & part.valid, local | part.local
    if time.zone != "UTC":
        local &= valid & (np.abs(total) < TIME_LIMIT * MICRO)
        total[local] = _to_utc(total[local], time.zone)
    return np.where(valid, total // MICRO, 0), valid


def _seconds(column: pa.Array) -> tuple[Int64s, Bools]:
    """Numbers of seconds; those that are not whole are rounded down."""
    values, valid = numbers(column)
    if valid.all():
        return values, valid
    values, valid = values.copy(), valid.copy()  # They may be Arrow's own memory.
    others = np.flatnonzero(~valid)
    rest, found = floats(column.take(pa.array(others)))
    usable = found & (np.abs(rest) < 1e12)
    values[others[usable]] = np.floor(rest[usable]).astype(np.int64)
    valid[others[usable]] = True
    return values, valid


def _micros(column: pa.Array, pattern: str) -> Micros:
    if is_clock(column.type):
        return _of_clock(column)
    if pattern in TIME_UNITS:
        return Micros(*_scaled(column, TIME_UNITS[pattern]), np.zeros(len(column), bool))
    words = pc.utf8_trim_whitespace(texts(column))
    if pattern == CLOCK:
        seconds, valid = clock_seconds(words)
        return Micros(seconds * MICRO, valid, np.zeros(len(words), bool))
    return _iso(words) if pattern == ISO else _pattern(words, pattern)


def _scaled(column: pa.Array, factor: int) -> tuple[Int64s, Bools]:
    values, valid = numbers(column)
    # A product that does not fit is out of the range of times in any case.
    values = np.clip(values, -_LARGEST // factor, _LARGEST // factor) * factor
    others = np.flatnonzero(~valid)
    if len(others):
        valid = valid.copy()  # It may be Arrow's own memory.
        rest, found = floats(column.take(pa.array(others)))
        usable = found & (np.abs(rest) * factor < _LARGEST)
        values[others[usable]] = np.floor(rest[usable] * factor).astype(np.int64)
        valid[others[usable]] = True
    return values, valid


def is_clock(kind: pa.DataType) -> bool:
    """Whether Arrow has the values as times."""
    return bool(pa.types.is_timestamp(kind) or pa.types.is_date(kind) or pa.types.is_time(kind))


def _of_clock(column: pa.Array) -> Micros:
    """A column of Arrow's own times: its type decides, not the schema's format."""
    kind = column.type
    valid = given(column)
    local = pa.types.is_date(kind) or (pa.types.is_timestamp(kind) and kind.tz is None)
    if pa.types.is_date(kind):
        column = column.cast(pa.timestamp("s"))
        kind = column.type
    elif pa.types.is_time32(kind):
        column = column.cast(pa.int32())
    ticks = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[kind.unit]
    values = column.cast(pa.int64()).fill_null(0).to_numpy()
    scaled = values // (ticks // MICRO) if ticks > MICRO else values * (MICRO // ticks)
    return Micros(scaled, valid, np.full(len(column), bool(local)))


def _iso(words: pa.Array) -> Micros:
    """ISO 8601, also with a blank for the T and with UTC for the Z."""
    short = pc.replace_substring_regex(words, _FRACTION, r"\1")
    short = pc.replace_substring_regex(short, r" ?(UTC|GMT|z)$", "Z")
    found = Micros.empty(len(words))
    for shape, zone in ((_NAIVE_ISO, None), (_ZONED_ISO, "UTC")):
        matches = pc.match_substring_regex(short, shape).fill_null(False)
        rows = np.flatnonzero(matches.to_numpy(zero_copy_only=False))
        seconds = _cast_times(short.take(pa.array(rows)), zone) if len(rows) else None
        if seconds is not None:
            found.values[rows], found.valid[rows] = seconds * MICRO, True
            found.local[rows] = zone is None
    rest = np.flatnonzero(~found.valid & given(words))
    _parse_uniques(short, rest, datetime.fromisoformat, found)
    return found


def _cast_times(words: pa.Array, zone: str | None) -> Int64s | None:
    """Seconds of texts that look like ISO 8601; None if one is no date, such as 30 February."""
    try:
        seconds: Int64s = words.cast(pa.timestamp("s", zone)).cast(pa.int64()).to_numpy()
    except pa.ArrowInvalid:
        return None
    return seconds


def _pattern(words: pa.Array, pattern: str) -> Micros:
    """Texts of a strptime pattern; one without a date is a time of the day."""
    found, short = Micros.empty(len(words)), words
    if "%f" not in pattern and ("%S" in pattern or "%T" in pattern):
        short = pc.replace_substring_regex(words, _FRACTION, r"\1")
    if not _NOT_BY_ARROW.search(pattern):
        read = pc.strptime(short, format=pattern, unit="s", error_is_null=True)
        seconds = read.cast(pa.int64()).fill_null(0).to_numpy()
        # The C library carries 30 February over to March: those days are looked at again.
        found.valid[:] = given(read) & (pc.day(read).fill_null(0).to_numpy() > 3)
        found.values[:] = np.where(found.valid, seconds * MICRO, 0)
    found.local[:] = True
    rest = np.flatnonzero(~found.valid & given(words))

    def parse(text: str) -> datetime:
        return datetime.strptime(text, pattern)

    _parse_uniques(short, rest, parse, found)
    if _HAS_DATE.search(pattern):
        return found
    return Micros(found.values % (_DAY * MICRO), found.valid, np.zeros(len(words), bool))


def _parse_uniques(
    words: pa.Array, rows: npt.NDArray[np.intp], parse: Callable[[str], datetime], into: Micros
) -> None:
    """Parses each different text of some rows once, in Python."""
    if not len(rows):
        return
    encoded = words.take(pa.array(rows)).dictionary_encode()
    parsed = [_parse_one(text, parse) for text in encoded.dictionary.to_pylist()]
    at = encoded.indices.to_numpy()
    into.values[rows] = np.array([value for value, _, _ in parsed], np.int64)[at]
    into.valid[rows] = np.array([valid for _, valid, _ in parsed], bool)[at]
    into.local[rows] = np.array([local for _, _, local in parsed], bool)[at]


def _parse_one(text: str, parse: Callable[[str], datetime]) -> tuple[int, bool, bool]:
    """Microseconds, whether the text is a time, and whether it names no zone."""
    try:
        moment = parse(text)
        local = moment.tzinfo is None
        whole = (moment.replace(tzinfo=UTC) if local else moment) - _EPOCH
    except (ValueError, OverflowError):
        return 0, False, True
    return whole // timedelta(microseconds=1), True, local


def _to_utc(local: Int64s, zone: str) -> Int64s:
    """Local times, in microseconds, as UTC; of an hour that occurs twice, the first."""
    stamps = pa.array(local, pa.int64()).cast(pa.timestamp("us"))
    moved = pc.assume_timezone(stamps, zone, ambiguous="earliest", nonexistent="latest")
    values: Int64s = moved.cast(pa.int64()).to_numpy()
    return values
