"""Pauses between two looks at a partition."""

import pytest

from sources.kafka_pace import LONGEST_SECONDS, SHARE, SOON_SECONDS, Pace


def test_a_live_partition_is_looked_at_shortly_before_its_watermark_moves() -> None:
    pace = Pace()
    assert pace.pause("p", None, 99.0) == SOON_SECONDS
    assert pace.pause("p", 50, 100.0) == SOON_SECONDS
    assert pace.pause("p", 51, 101.0) == pytest.approx(SHARE)
    assert pace.pause("p", 51, 101.8) == SOON_SECONDS
    assert pace.pause("p", 51, 101.9) == SOON_SECONDS
    assert pace.pause("p", 52, 102.0) == pytest.approx(SHARE)
    assert pace.pause("q", 52, 102.0) == SOON_SECONDS


def test_pauses_follow_the_speed_of_event_time() -> None:
    pace = Pace()
    pace.pause("p", 50, 100.0)
    assert pace.pause("p", 60, 101.0) == pytest.approx(SHARE / 10)
    assert pace.pause("p", 1000, 101.1) == SOON_SECONDS
    assert pace.pause("p", 1001, 131.0) == LONGEST_SECONDS
