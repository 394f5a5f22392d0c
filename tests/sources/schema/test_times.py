"""Times of all formats, against Python's datetime one by one."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sources.schema.schema import TimeFormat
from sources.schema.time_formats import whole_pattern
from sources.schema.times import read_times

CLOCKS = ("%H:%M", "%H:%M:%S", "%H:%M:%S.%f", "%I:%M %p", "%I:%M:%S%p")
MOMENTS = st.datetimes(datetime(1990, 1, 1), datetime(2037, 1, 1))


def read(values: list[object], formats: str, zone: str = "UTC") -> list[int | None]:
    seconds, valid = read_times([pa.array(values)], TimeFormat((formats,), zone))
    return [second if ok else None for second, ok in zip(seconds.tolist(), valid, strict=True)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2025-10-09T08:53:20Z", 1_760_000_000),
        ("2025-10-09T08:53:20.999Z", 1_760_000_000),
        ("2025-10-09T08:53:20.123456789Z", 1_760_000_000),
        ("2025-10-09 08:53:20 UTC", 1_760_000_000),
        ("2025-10-09 08:53:20", 1_760_000_000),
        ("2025-10-09T10:53:20+02:00", 1_760_000_000),
        ("2025-10-09T10:53:20+0200", 1_760_000_000),
        ("2025-10-09T10:53:20.5+02", 1_760_000_000),
        (" 2025-10-09T08:53:20Z ", 1_760_000_000),
        ("20251009T085320Z", 1_760_000_000),
        ("2025-10-09", 1_759_968_000),
        ("2025-02-30T00:00:00Z", None),
        ("2025-10-09T25:00:00Z", None),
        ("1760000000", None),
        ("", None),
        ("x", None),
    ],
)
def test_iso(text: str, expected: int | None) -> None:
    # Beside a good one, so that one bad text does not spoil the rest.
    assert read([text, "2025-10-09T08:53:20Z"], "iso") == [expected, 1_760_000_000]


@settings(deadline=None)
@given(
    st.lists(st.tuples(MOMENTS, st.integers(-12, 12), st.booleans()), min_size=1),
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York"]),
)
def test_iso_in_zones(moments: list[tuple[datetime, int, bool]], zone: str) -> None:
    texts, expected = [], []
    for moment, hours, naive in moments:
        if naive:
            texts.append(moment.isoformat())
            local = moment.replace(microsecond=0, tzinfo=ZoneInfo(zone))
            if local.astimezone(UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None) != (
                moment.replace(microsecond=0)
            ):
                texts.pop()  # An hour that the change of the clocks leaves out.
                continue
            expected.append(int(local.timestamp()))
        else:
            sign, size = "-" if hours < 0 else "+", abs(hours)
            texts.append(f"{moment.isoformat()}{sign}{size:02}:00")
            shifted = moment.replace(microsecond=0, tzinfo=UTC) - timedelta(hours=hours)
            expected.append(int(shifted.timestamp()))
    if texts:
        assert read(texts, "iso", zone) == expected


@pytest.mark.parametrize(
    "pattern",
    ["%m/%d/%y %H:%M", "%d.%m.%Y %H:%M:%S", "%Y%m%d %H%M%S", "%d %b %Y", "%I:%M %p %d/%m/%Y"],
)
@settings(deadline=None, max_examples=50)
@given(moments=st.lists(MOMENTS, min_size=1))
def test_patterns(pattern: str, moments: list[datetime]) -> None:
    texts = [moment.strftime(pattern) for moment in moments]
    expected = [
        int(datetime.strptime(text, pattern).replace(tzinfo=UTC).timestamp()) for text in texts
    ]
    assert read([*texts, "30/30/30", None, "2025"], pattern) == [*expected, None, None, None]


def test_a_day_that_is_not_there() -> None:
    assert read(["2/30/25 8:00", "3/2/25 8:00"], "%m/%d/%y %H:%M") == [None, 1_740_902_400]


def test_numbers_are_cut_off() -> None:
    assert read(["1760000000.9", "1760000000", "x", "1e9"], "s") == [
        1_760_000_000, 1_760_000_000, None, 10**9,
    ]  # fmt: skip
    assert read([1_760_000_000_999, None], "ms") == [1_760_000_000, None]
    assert read(["1760000000999999", str(2**63 - 1)], "us")[0] == 1_760_000_000
    assert read([1_760_000_000.7], "s") == [1_760_000_000]


def test_arrow_times_need_no_format() -> None:
    moment = datetime(2025, 10, 9, 8, 53, 20, 999_999)
    for unit in ("s", "ms", "us", "ns"):
        assert read_times(
            [pa.array([moment.replace(microsecond=0)], pa.timestamp(unit))], TimeFormat()
        )[0].tolist() == [1_760_000_000]
    aware = pa.array([moment.replace(tzinfo=UTC)], pa.timestamp("us", "UTC"))
    assert read_times([aware], TimeFormat(("s",), "Europe/Berlin"))[0].tolist() == [1_760_000_000]
    naive = pa.array([moment], pa.timestamp("us"))
    assert read_times([naive], TimeFormat(("s",), "Europe/Berlin"))[0].tolist() == [1_759_992_800]
    days = pa.array([date(2025, 10, 9)])
    clock = pa.array([time(8, 53, 20, 5)])
    seconds, valid = read_times([days, clock], TimeFormat(("iso", "iso")))
    assert (seconds.tolist(), valid.tolist()) == ([1_760_000_000], [True])


@given(st.lists(st.tuples(st.times(), st.sampled_from(CLOCKS)), min_size=1))
def test_times_of_the_day(clocks: list[tuple[time, str]]) -> None:
    texts = [moment.strftime(pattern) for moment, pattern in clocks]
    read_back = [
        datetime.strptime(text, pattern) for text, (_, pattern) in zip(texts, clocks, strict=True)
    ]
    expected = [each.hour * 3600 + each.minute * 60 + each.second for each in read_back]
    wrong: list[Any] = ["24:00", "13:00 PM", "0:10 am", "8:60", "8:5", "8", None, "8:53:60"]
    assert read([*texts, *wrong], "clock") == [*expected, *[None] * len(wrong)]


def test_clocks_of_people() -> None:
    texts = ["8:53", "8:53:10", "8:53 PM", "12:00 a.m.", "12:30pm"]
    assert read(texts, "clock") == [31_980, 31_990, 75_180, 0, 45_000]


def test_parts_are_added() -> None:
    time_format = TimeFormat(("%Y-%m-%d", "%H:%M:%S"), "Europe/Berlin")
    days = pa.array(["2025-10-09", "2025-10-09", None])
    clocks = pa.array(["10:53:20", "x", "10:53:20"])
    seconds, valid = read_times([days, clocks], time_format)
    assert seconds[0] == 1_760_000_000
    assert valid.tolist() == [True, False, False]


def test_seconds_of_a_clock_may_be_short() -> None:
    # The first days of a month are read by Python, whose strptime has no %T.
    assert read(["2025-10-02 08:53:20", "2025-10-09 08:53:20"], whole_pattern("%Y-%m-%d %T")) == [
        1_759_395_200, 1_760_000_000,
    ]  # fmt: skip
    assert whole_pattern("%%T %T%%%T") == "%%T %H:%M:%S%%%H:%M:%S"
