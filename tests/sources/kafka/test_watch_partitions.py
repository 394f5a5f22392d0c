"""The watch of a topic outputs each partition once, also those of a topic created again."""

from typing import Any

import pytest
from apache_beam.io.restriction_trackers import OffsetRange
from apache_beam.utils.timestamp import MIN_TIMESTAMP

from sources.kafka import watch_partitions
from sources.kafka.consumers import NO_TOPIC_ID, is_other_topic
from sources.kafka.partition import Partition
from sources.kafka.partitions import FOREVER, UnsplittableTracker
from sources.kafka.url import KafkaUrl
from sources.kafka.watch_partitions import WatchEstimator, WatchPartitions

URL = KafkaUrl(("h:1",), "t")
ONE, TWO = b"1" * 16, b"2" * 16


class Watch:
    """Looks at a topic again and again, as a runner does that keeps restriction and state."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.topic: tuple[bytes, int] | None = None
        self.do_fn = WatchPartitions("latest", 30)
        self.start = 0
        self.state = self.do_fn.initial_estimator_state(URL, OffsetRange(0, FOREVER))
        monkeypatch.setattr(watch_partitions, "list_partitions", self.list_partitions)

    def list_partitions(
        self, _: KafkaUrl, start: str, bounded: bool, known: int, known_id: bytes
    ) -> list[Partition] | None:
        assert (start, bounded) == ("latest", False)
        if self.topic is None:
            return None
        topic_id, count = self.topic
        first = 0 if is_other_topic(known_id, topic_id) else known
        return [Partition(n, 0, FOREVER, topic_id=topic_id) for n in range(first, count)]

    def look(self) -> list[tuple[bytes, int]]:
        tracker: Any = UnsplittableTracker(OffsetRange(self.start, FOREVER))
        rest: list[OffsetRange] = []
        tracker.defer_remainder = lambda _: rest.append(tracker.try_split(0)[1])
        estimator = WatchEstimator(*self.state)
        found = list(self.do_fn.process(URL, tracker, estimator))
        self.start, self.state = rest[0].start, estimator.get_estimator_state()
        self.watermark = estimator.current_watermark()
        return [(partition.topic_id, partition.number) for partition in found]


@pytest.mark.parametrize(("one", "two"), [(ONE, TWO), (NO_TOPIC_ID, TWO)])
def test_each_partition_is_output_once(
    monkeypatch: pytest.MonkeyPatch, one: bytes, two: bytes
) -> None:
    watch = Watch(monkeypatch)
    assert watch.look() == []
    assert watch.watermark == MIN_TIMESTAMP
    watch.topic = one, 2
    assert watch.look() == [(one, 0), (one, 1)]
    assert watch.watermark > MIN_TIMESTAMP
    assert watch.look() == []
    watch.topic = None
    assert watch.look() == []
    watch.topic = one, 3
    assert watch.look() == [(one, 2)]
    # Brokers give ids from version 2.8 on: an id after none is the same topic.
    watch.topic = two, 4
    expected = [(two, n) for n in range(4)] if one != NO_TOPIC_ID else [(two, 3)]
    assert watch.look() == expected
    assert watch.look() == []
    watch.topic = two, 5
    assert watch.look() == [(two, 4)]


def test_a_smaller_topic_and_a_third_one(monkeypatch: pytest.MonkeyPatch) -> None:
    watch = Watch(monkeypatch)
    for topic_id, count in ((ONE, 5), (TWO, 1), (b"3" * 16, 3)):
        watch.topic = topic_id, count
        assert watch.look() == [(topic_id, n) for n in range(count)]
        assert watch.look() == []
