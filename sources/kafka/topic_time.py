"""A topic's time: the newest event on any of its partitions, and since when nothing has come.

A partition that falls silent follows it, so that it holds nothing up and yet is not ahead of
what it will be told next: old events can be replayed to a job that waits for them.
"""

from __future__ import annotations

import threading
import time
from typing import NamedTuple

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from sources.kafka.consumers import ANSWER_MS, connect, shut
from sources.kafka.url import KafkaUrl
from sources.parsing.kafka_values import parse_values

LOOK_SECONDS = 2.0
"""From one look at a topic's ends to the next, for all partitions that this process reads."""

TAIL = 20
"""Values at a partition's end that are looked at."""

TAIL_MS = 2_000
_POLL_MS = 50


class TopicTime(NamedTuple):
    """What is known of a topic.

    Attributes:
        newest: the largest event time seen at the partitions' ends, in seconds since the epoch,
            or None while there was no event at all.
        still_since: since when (seconds of the clock) nothing was added to any partition.
    """

    newest: int | None
    still_since: float


class TopicWatch:
    """Looks at the ends of one topic's partitions.

    What a look finds is told from the next look on: by then a partition has read what was put on
    it together with what the look saw on others.

    Args:
        url: the topic.
    """

    def __init__(self, url: KafkaUrl) -> None:
        self._url = url
        self._lock = threading.Lock()
        self._consumer: KafkaConsumer | None = None
        self._ends: dict[TopicPartition, int] = {}
        self._told = self._seen = TopicTime(None, time.time())
        self._looked = float("-inf")

    def now(self) -> TopicTime:
        """The topic's time, between one and two times LOOK_SECONDS ago.

        Raises:
            KafkaError: no broker answers.
        """
        with self._lock:
            if time.monotonic() - self._looked >= LOOK_SECONDS:
                self._told = self._seen
                try:
                    self._seen = self._look(self._seen)
                except KafkaError:
                    self._close()
                    raise
                self._looked = time.monotonic()
            return self._told

    def _look(self, known: TopicTime) -> TopicTime:
        if self._consumer is None:
            self._consumer = connect(self._url)
        # A look at all topics: the partitions that were added since the last one are in it.
        self._consumer.topics()
        numbers = self._consumer.partitions_for_topic(self._url.topic) or ()
        where = [TopicPartition(self._url.topic, number) for number in sorted(numbers)]
        ends = self._consumer.end_offsets(where, ANSWER_MS) if where else {}
        changed = {p: end for p, end in ends.items() if end != self._ends.get(p, 0)}
        if not changed:
            return known
        newest = _newest(self._consumer, changed)
        self._ends = dict(ends)
        times = [moment for moment in (known.newest, newest) if moment is not None]
        return TopicTime(max(times, default=None), time.time())

    def _close(self) -> None:
        if self._consumer is not None:
            shut(self._consumer)
            self._consumer = None


def _newest(consumer: KafkaConsumer, ends: dict[TopicPartition, int]) -> int | None:
    """The largest time among the last values of partitions; None where none is an event."""
    consumer.assign(list(ends))
    begins = consumer.beginning_offsets(list(ends), ANSWER_MS)
    for where, end in ends.items():
        consumer.seek(where, max(begins[where], end - TAIL))
    values: list[bytes | None] = []
    until = time.monotonic() + TAIL_MS / 1000
    while time.monotonic() < until and any(
        (consumer.position(where, ANSWER_MS) or 0) < end for where, end in ends.items()
    ):
        for records in consumer.poll(_POLL_MS).values():
            values += [record.value for record in records]
    times = parse_values(values).events.time
    return int(times.max()) if len(times) else None


_WATCHES: dict[KafkaUrl, TopicWatch] = {}
_LOCK = threading.Lock()


def topic_time(url: KafkaUrl) -> TopicTime:
    """A topic's time, by this process's one look at it.

    Raises:
        KafkaError: no broker answers.
    """
    with _LOCK:
        watch = _WATCHES.setdefault(url, TopicWatch(url))
    return watch.now()
