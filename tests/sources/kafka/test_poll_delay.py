"""Pauses between two looks at a partition."""

import time
from types import SimpleNamespace
from typing import Any

import pytest
from apache_beam.io.restriction_trackers import OffsetRange
from sources.kafka.pace import LONGEST_SECONDS, SHARE, SOON_SECONDS, Pace

from sources.kafka import read
from sources.kafka.partition import Partition
from sources.kafka.partitions import FOREVER, EndlessTracker
from sources.kafka.read import FollowPartition
from sources.kafka.url import KafkaUrl
from sources.kafka.watermark import Lateness, PartitionWatermark


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


class Broker:
    """A partition of which each poll finds what was sent since the one before."""

    def __init__(self, *polls: list[int]) -> None:
        self.polls, self.offset = list(polls), 0

    def poll(self, *_: int) -> dict[Any, list[Any]]:
        times = self.polls.pop(0)
        first, self.offset = self.offset, self.offset + len(times)
        values = [(first + place, f"1,2,{time},pv") for place, time in enumerate(times)]
        return {
            ("t", 0): [
                SimpleNamespace(offset=offset, value=value.encode()) for offset, value in values
            ]
        }

    def position(self, *_: object) -> int:
        return self.offset

    highwater = position


def test_who_looks_just_before_the_watermark_moves_stays_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broker, pace, deferred = Broker([100], [100, 100], [101]), Pace(), []
    monkeypatch.setattr(
        read,
        "CONSUMERS",
        SimpleNamespace(
            take=lambda *_: broker, give=lambda *_: None, is_to_commit=lambda *_: False
        ),
    )
    monkeypatch.setattr(read, "PACE", pace)
    url = KafkaUrl(("h:1",), "t")
    pace.pause((url, 0), 97, time.monotonic() - 1.9)
    pace.pause((url, 0), 98, time.monotonic() - 0.9)
    tracker = EndlessTracker(OffsetRange(0, FOREVER))
    monkeypatch.setattr(
        tracker, "defer_remainder", lambda pause: deferred.append(pause.micros / 1e6), raising=False
    )
    reader = FollowPartition(url, Lateness(2, 0, 10), "group")
    given = reader.process(
        Partition(0, 0, FOREVER), None, tracker, PartitionWatermark(Lateness(2, 0, 10), 98, None)
    )
    assert [value.value.time.tolist() for value in given] == [[100], [100, 100], [101]]
    assert deferred == [pytest.approx(SHARE, abs=0.1)]
