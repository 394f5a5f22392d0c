"""Turns of a partition's reader, with a broker that answers from a list."""

import time
import uuid
from types import SimpleNamespace
from typing import Any

import pytest
from apache_beam.io.restriction_trackers import OffsetRange

from sources.errors import SourceError
from sources.kafka.job_state import state_of
from sources.kafka.partition import Partition
from sources.kafka.partitions import FOREVER, UnsplittableTracker
from sources.kafka.poll_delay import SHARE
from sources.kafka.read_partition import MISSES, FollowPartition, ReadPartition
from sources.kafka.restrictions import ReaderConfig
from sources.kafka.topic_time import TopicTime
from sources.kafka.url import KafkaUrl
from sources.kafka.watermark import EventTimeLimits, PartitionWatermark
from tests.sources.kafka.fakes import Client, Metadata
from transforms.progress import ProgressCounters


class Broker(Client):
    """A partition of which each poll finds what was sent since the one before."""

    def __init__(self, *polls: list[int]) -> None:
        self.polls, self.offset, self._cluster = list(polls), 0, Metadata()

    def poll(self, *_: int) -> dict[Any, list[Any]]:
        times = self.polls.pop(0)
        first, self.offset = self.offset, self.offset + len(times)
        values = [(first + place, f"1,2,{time},pv") for place, time in enumerate(times)]
        return {
            ("t", 0): [
                SimpleNamespace(offset=offset, value=value.encode(), timestamp_type=0)
                for offset, value in values
            ]
        }

    def position(self, *_: object) -> int:
        return self.offset

    highwater = position

    def close(self, **_: object) -> None:
        pass

    def topics(self) -> set[str]:
        return set()


def test_a_reader_stays_for_a_watermark_that_is_about_to_move(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broker, deferred = Broker([100], [100, 100], [101]), []
    url = KafkaUrl(("h:1",), "t")
    job = ProgressCounters("test_a_reader_stays")
    state = state_of(job, url)
    monkeypatch.setattr(state.consumers, "acquire", lambda *_: broker)
    monkeypatch.setattr(state.consumers, "release", lambda *_: None)
    monkeypatch.setattr(state.consumers, "is_to_commit", lambda *_: False)
    state.delays.next_delay(0, 97, time.monotonic() - 1.9)
    state.delays.next_delay(0, 98, time.monotonic() - 0.9)
    tracker = UnsplittableTracker(OffsetRange(0, FOREVER))
    monkeypatch.setattr(
        tracker, "defer_remainder", lambda delay: deferred.append(delay.micros / 1e6), raising=False
    )
    limits = EventTimeLimits(2, 0, 10)
    reader = FollowPartition(ReaderConfig(url, limits), job)
    watermark = PartitionWatermark(limits, 98, None)
    given = list(reader.process(Partition(0, 0, FOREVER), None, tracker, watermark))
    assert [value.value.time.tolist() for value in given] == [[100], [100, 100], [101]]
    assert deferred == [pytest.approx(SHARE, abs=0.1)]


def test_the_reader_of_a_replaced_topic_stays_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    broker, deferred = Broker([100], [100]), []
    broker._cluster.id = uuid.uuid4()
    url = KafkaUrl(("h:1",), "t")
    job = ProgressCounters("test_a_replaced_topic")
    state = state_of(job, url)
    monkeypatch.setattr(state.consumers, "acquire", lambda *_: broker)
    monkeypatch.setattr(state, "watch", lambda *_: SimpleNamespace(now=lambda: TopicTime(500, 0.0)))
    limits = EventTimeLimits(2, 0, 0)
    watermark = PartitionWatermark(limits, 98, None)
    for _ in range(2):
        tracker = UnsplittableTracker(OffsetRange(3, FOREVER))
        monkeypatch.setattr(tracker, "defer_remainder", deferred.append, raising=False)
        partition = Partition(0, 0, FOREVER, topic_id=b"1" * 16)
        reader = FollowPartition(ReaderConfig(url, limits), job)
        assert list(reader.process(partition, None, tracker, watermark)) == []
        assert tracker.current_restriction() == OffsetRange(3, FOREVER)
    assert len(deferred) == 2
    assert len(broker.polls) == 1, "only the first turn asks the broker"
    assert watermark.get_estimator_state()[0] == 498


def test_a_bounded_read_of_a_topic_that_stays_missing_is_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broker, deferred = Broker(*[[]] * MISSES), []
    broker._cluster.partitions = None
    url = KafkaUrl(("h:1",), "t")
    job = ProgressCounters("test_a_missing_topic")
    monkeypatch.setattr(state_of(job, url).consumers, "acquire", lambda *_: broker)
    monkeypatch.setattr(state_of(job, url).consumers, "is_to_commit", lambda *_: False)
    limits = EventTimeLimits(2, 0, 0)

    def turn() -> None:
        tracker = UnsplittableTracker(OffsetRange(3, 9))
        monkeypatch.setattr(tracker, "defer_remainder", deferred.append, raising=False)
        reader = ReadPartition(ReaderConfig(url, limits), job)
        watermark = PartitionWatermark(limits, None, None)
        assert list(reader.process(Partition(0, 3, 9), None, tracker, watermark)) == []

    for _ in range(MISSES - 1):
        turn()
    assert len(deferred) == MISSES - 1
    with pytest.raises(SourceError, match="deleted before it was read to its end"):
        turn()


def test_jobs_of_one_process_share_no_state() -> None:
    url = KafkaUrl(("h:1",), "t")
    one = state_of(ProgressCounters("one"), url)
    assert state_of(ProgressCounters("one"), url) is one
    assert state_of(ProgressCounters("other"), url) is not one
    assert state_of(ProgressCounters("one"), KafkaUrl(("h:1",), "u")) is not one
