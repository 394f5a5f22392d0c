"""A partition's watermark, and which events are late."""

import numpy as np
import pytest
from apache_beam.utils.timestamp import MIN_TIMESTAMP, Timestamp
from hypothesis import given
from hypothesis import strategies as st

from sources.kafka.topic_time import TopicTime
from sources.kafka.watermark import (
    TIMER_MARGIN,
    EventTimeLimits,
    PartitionWatermark,
    is_future,
    restored,
)


@given(st.lists(st.integers(0, 100), min_size=1), st.integers(0, 20), st.integers(0, 20), st.data())
def test_lateness_does_not_depend_on_the_polls(
    times: list[int], disorder: int, allowed: int, data: st.DataObject
) -> None:
    wanted = []
    largest = times[0]
    for time in times:
        largest = max(largest, time)
        wanted.append(time < largest - disorder - allowed)
    watermark = PartitionWatermark(EventTimeLimits(disorder, allowed, 60), None, None)
    got: list[bool] = []
    while len(got) < len(times):
        size = data.draw(st.integers(1, len(times)))
        part = np.array(times[len(got) : len(got) + size], np.int64)
        got += watermark.late(part).tolist()
        watermark.advance(int(part.max()))
        watermark = PartitionWatermark(
            EventTimeLimits(disorder, allowed, 60), *watermark.get_estimator_state()
        )
    assert got == wanted
    assert watermark.current_watermark() == Timestamp(max(times) - disorder + TIMER_MARGIN)


def idle_watermark(idle: int, silence: int = 0) -> PartitionWatermark:
    made = PartitionWatermark(EventTimeLimits(10, 0, idle, silence), None, None)
    made.advance(500)
    return made


def test_an_idle_partition_follows_the_topic_after_the_timeout() -> None:
    watermark = idle_watermark(60)
    for now, wanted in ((1000.0, 490), (1059.0, 490), (1060.5, 690)):
        watermark.set_idle(now, TopicTime(700, now))
        assert watermark.current_watermark() == Timestamp(wanted + TIMER_MARGIN)
    watermark.set_active()
    watermark.set_idle(1100.0, TopicTime(900, 1100.0))
    watermark.advance(600)
    assert watermark.current_watermark() == Timestamp(690 + TIMER_MARGIN)


def test_a_topic_without_an_event_has_no_time() -> None:
    watermark = PartitionWatermark(EventTimeLimits(10, 0, 60, 60), None, None)
    for now in (0.0, 1000.0, 2000.0):
        watermark.set_idle(now, TopicTime(None, 0.0))
        assert watermark.current_watermark() == MIN_TIMESTAMP


@pytest.mark.parametrize(("longest", "wanted"), [(0, 690), (300, 690), (200, 10_190)])
def test_a_silent_topic_stands_still_unless_the_clock_is_asked_for(
    longest: int, wanted: int
) -> None:
    watermark = idle_watermark(60, longest)
    for now in (10_000.0, 10_200.0):
        watermark.set_idle(now, TopicTime(700, 9_999.0))
    assert watermark.current_watermark() == Timestamp(wanted + TIMER_MARGIN)


@pytest.mark.parametrize(
    ("watermark", "reset", "expected"),
    [
        (1_300, True, 1_300),
        (1_301, True, None),
        (1_301, False, 1_301),
        (None, True, None),
    ],
)
def test_a_restored_watermark_from_the_future_is_dropped_where_asked(
    watermark: int | None, reset: bool, expected: int | None
) -> None:
    limits = EventTimeLimits(10, 0, 60, max_future=300, reset_watermark=reset)
    assert restored(limits, (watermark, 7.0), now=1_000.0) == (expected, 7.0)
    assert is_future(limits, watermark, 1_000.0) is (watermark == 1_301)
