"""Delays between two polls of a partition."""

import pytest

from sources.kafka.poll_delay import LONGEST_SECONDS, SHARE, SHORTEST_SECONDS, PollDelays


def test_a_live_partition_is_polled_shortly_before_its_watermark_moves() -> None:
    delays = PollDelays()
    assert delays.next_delay("p", None, 99.0) == SHORTEST_SECONDS
    assert delays.next_delay("p", 50, 100.0) == SHORTEST_SECONDS
    assert delays.next_delay("p", 51, 101.0) == pytest.approx(SHARE)
    assert delays.next_delay("p", 51, 101.8) == SHORTEST_SECONDS
    assert delays.next_delay("p", 51, 101.9) == SHORTEST_SECONDS
    assert delays.next_delay("p", 52, 102.0) == pytest.approx(SHARE)
    assert delays.next_delay("q", 52, 102.0) == SHORTEST_SECONDS


def test_delays_follow_the_speed_of_event_time() -> None:
    delays = PollDelays()
    delays.next_delay("p", 50, 100.0)
    assert delays.next_delay("p", 60, 101.0) == pytest.approx(SHARE / 10)
    assert delays.next_delay("p", 1000, 101.1) == SHORTEST_SECONDS
    assert delays.next_delay("p", 1001, 131.0) == LONGEST_SECONDS
