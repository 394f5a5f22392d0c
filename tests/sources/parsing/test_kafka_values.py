"""A poll's values are parsed as each would be alone; the watermark follows them, in order."""

import numpy as np
import pytest
from apache_beam.utils.timestamp import MIN_TIMESTAMP, Timestamp
from hypothesis import given, settings
from hypothesis import strategies as st

from sources.kafka.topic_time import TopicTime
from sources.kafka.watermark import JUST_BEHIND, Lateness, PartitionWatermark
from sources.parsing.kafka_values import parse_value, parse_values
from sources.parsing.lines import Row
from sources.parsing.malformed import Malformed

VALUES = st.one_of(
    st.none(),
    st.binary(max_size=12),
    st.sampled_from(
        (
            *(b"1,2,3", b"1,2,3,buy", b"4,5,6,", b"1,2,3\r", b"\r", b"7,8,9\n", b'"1",2,3'),
            *(b'{"user":1,"item":2,"time":3}', b' {"user_id":1,"item":"2","timestamp":3.0}'),
            *(b'{"user":1},{"item":2}', b"{", b'{"user":true,"item":2,"time":3}', b"{" * 5000),
            *(b'{"user":1,"item":2,"time":3,"label":"fav"}', b'{"user":1,"item":2,"time":NaN}'),
            *(b'{"user":1,"item":2,"time":3,"behavior":7}', b"[" * 9, b"1,2\n3", b"1,2,\xff"),
        )
    ),
)


@settings(deadline=None)
@given(st.lists(VALUES))
def test_a_poll_is_its_values(values: list[bytes | None]) -> None:
    alone = [parse_value(value) for value in values]
    events, at, wrong = parse_values(values)
    columns = (events.user, events.item, events.behavior, events.time)
    got = list(zip(*(column.tolist() for column in columns), strict=True))
    good = [(row, parsed) for row, parsed in enumerate(alone) if isinstance(parsed, Row)]
    assert list(zip(at.tolist(), got, strict=True)) == good
    assert list(wrong) == [
        (row, bad) for row, bad in enumerate(alone) if isinstance(bad, Malformed)
    ]


def test_json_and_its_faults() -> None:
    assert parse_value(b'{"user_id":1,"item":"2","timestamp":3.0,"label":"fav"}') == (1, 2, 2, 3)
    assert parse_value(b'{"user":1,"item":2,"time":3}') == (1, 2, 0, 3)
    assert parse_value(b'{"user":1,"item":2,"time":3,"behavior":7}') == ("unknown behavior", 3)
    assert parse_value(b'{"user":true,"item":2,"time":3}') == ("not a number", 3)
    assert parse_value(b'{"user":1,"item":2}') == ("too few fields", None)
    assert parse_value(b'{"user":') == ("not JSON", None)
    assert parse_value(None) == ("too few fields", None)


@given(st.lists(st.integers(0, 100), min_size=1), st.integers(0, 20), st.integers(0, 20), st.data())
def test_lateness_does_not_hang_on_the_polls(
    times: list[int], behind: int, allowed: int, data: st.DataObject
) -> None:
    wanted = []
    largest = times[0]
    for time in times:
        largest = max(largest, time)
        wanted.append(time < largest - behind - allowed)
    watermark = PartitionWatermark(Lateness(behind, allowed, 60), None, None)
    got: list[bool] = []
    while len(got) < len(times):
        size = data.draw(st.integers(1, len(times)))
        part = np.array(times[len(got) : len(got) + size], np.int64)
        got += watermark.late(part).tolist()
        watermark.follow(int(part.max()))
        watermark = PartitionWatermark(
            Lateness(behind, allowed, 60), *watermark.get_estimator_state()
        )
    assert got == wanted
    assert watermark.current_watermark() == Timestamp(max(times) - behind + JUST_BEHIND)


def silence(idle: int, silence: int = 0) -> PartitionWatermark:
    made = PartitionWatermark(Lateness(10, 0, idle, silence), None, None)
    made.follow(500)
    return made


def test_a_silent_partition_follows_the_topic_after_its_time() -> None:
    watermark = silence(60)
    for now, wanted in ((1000.0, 490), (1059.0, 490), (1060.5, 690)):
        watermark.silent(now, TopicTime(700, now))
        assert watermark.current_watermark() == Timestamp(wanted + JUST_BEHIND)
    watermark.heard()
    watermark.silent(1100.0, TopicTime(900, 1100.0))
    watermark.follow(600)
    assert watermark.current_watermark() == Timestamp(690 + JUST_BEHIND)


def test_a_topic_without_an_event_has_no_time() -> None:
    watermark = PartitionWatermark(Lateness(10, 0, 60, 60), None, None)
    for now in (0.0, 1000.0, 2000.0):
        watermark.silent(now, TopicTime(None, 0.0))
        assert watermark.current_watermark() == MIN_TIMESTAMP


@pytest.mark.parametrize(("longest", "wanted"), [(0, 690), (300, 690), (200, 10_190)])
def test_a_silent_topic_stands_still_unless_the_clock_is_asked_for(
    longest: int, wanted: int
) -> None:
    watermark = silence(60, longest)
    for now in (10_000.0, 10_200.0):
        watermark.silent(now, TopicTime(700, 9_999.0))
    assert watermark.current_watermark() == Timestamp(wanted + JUST_BEHIND)
