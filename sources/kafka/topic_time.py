"""A topic's time: its newest event on any partition, and since when nothing was added.

The watermark of a partition without new records follows the topic's time. It then holds no other
partition back, and does not pass events that are still to come: old events may be replayed to a
waiting job.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from sources.kafka.batches import MAX_BATCH, TooManyBytesError, decompressing
from sources.kafka.consumers import ANSWER_MS, close_quietly, connect
from sources.kafka.url import KafkaUrl
from sources.parsing.kafka_values import parse_values
from sources.parsing.malformed import Int64s

if TYPE_CHECKING:
    from sources.schema.schema import Schema

LOOK_SECONDS = 2.0
"""Time between two looks at a topic's ends, for all partitions that this process reads."""

TAIL = 20
"""Values at a partition's end that a look reads."""

TAIL_MS = 2_000
"""The longest that a look waits for these values."""

_POLL_MS = 50
_LOG_APPEND_TIME = 1


class TopicTime(NamedTuple):
    """What is known of a topic.

    Attributes:
        newest: the largest event time at the partitions' ends, in seconds since the epoch, or
            None while there was no event at all. Events from the future do not count.
        unchanged_since: since when nothing was added to any partition, in seconds of the clock.
    """

    newest: int | None
    unchanged_since: float


class TopicWatch:
    """Looks at the ends of one topic's partitions.

    What a look finds is reported from the next look on. By then a partition has read the records
    that were added to it together with those that the look found on others.

    Args:
        url: the topic.
        max_future: how far an event may be ahead of the clock, in seconds.
        schema: what the values' fields mean; None: they are an event's own.
    """

    def __init__(self, url: KafkaUrl, max_future: int, schema: Schema | None = None) -> None:
        self._schema = schema
        self._url = url
        self._max_future = max_future
        self._lock = threading.Lock()
        self._consumer: KafkaConsumer | None = None
        self._ends: dict[TopicPartition, int] = {}
        self._reported = self._found = TopicTime(None, time.time())
        self._looked = float("-inf")

    def now(self) -> TopicTime:
        """The topic's time, between one and two times LOOK_SECONDS ago.

        Raises:
            KafkaError: no broker answers.
        """
        with self._lock:
            if time.monotonic() - self._looked >= LOOK_SECONDS:
                self._reported = self._found
                try:
                    self._found = self._look(self._found)
                except KafkaError:
                    self._close()
                    raise
                self._looked = time.monotonic()
            return self._reported

    def close(self) -> None:
        """Closes the connection; the next look makes a new one."""
        with self._lock:
            self._close()

    def _look(self, known: TopicTime) -> TopicTime:
        if self._consumer is None:
            self._consumer = connect(self._url)
        # This requests new metadata, so that added partitions are among the numbers.
        self._consumer.topics()
        numbers = self._consumer.partitions_for_topic(self._url.topic) or ()
        where = [TopicPartition(self._url.topic, number) for number in sorted(numbers)]
        ends = self._consumer.end_offsets(where, ANSWER_MS) if where else {}
        changed = {p: end for p, end in ends.items() if end != self._ends.get(p, 0)}
        if not changed:
            return known
        found: list[Any] = []
        try:
            _read_tails(self._consumer, changed, found)
        except TooManyBytesError:
            self._close()  # What was found is enough to know a time.
        newest = _newest(found, self._max_future, self._schema)
        self._ends = dict(ends)
        times = [moment for moment in (known.newest, newest) if moment is not None]
        return TopicTime(max(times, default=None), time.time())

    def _close(self) -> None:
        if self._consumer is not None:
            close_quietly(self._consumer)
            self._consumer = None


def _read_tails(consumer: KafkaConsumer, ends: dict[TopicPartition, int], found: list[Any]) -> None:
    """Adds the last records of partitions to `found`.

    Raises:
        TooManyBytesError: there may be more, which only another consumer can read.
    """
    consumer.assign(list(ends))
    begins = consumer.beginning_offsets(list(ends), ANSWER_MS)
    for where, end in ends.items():
        consumer.seek(where, max(begins[where], end - TAIL))
    until = time.monotonic() + TAIL_MS / 1000
    while time.monotonic() < until and any(
        (consumer.position(where, ANSWER_MS) or 0) < end for where, end in ends.items()
    ):
        with decompressing(MAX_BATCH):
            polled = consumer.poll(_POLL_MS)
        for records in polled.values():
            found += records


def _newest(found: list[Any], max_future: int, schema: Schema | None) -> int | None:
    """The largest time among the values of records; None where none is an event."""
    parsed = parse_values([record.value for record in found], None, schema)
    limits = latest_times(found, time.time(), max_future)
    times = parsed.without_future(limits[parsed.rows]).events.time
    return int(times.max()) if len(times) else None


def latest_times(records: list[Any], now: float, max_future: int) -> Int64s:
    """The largest event time that each record may have.

    It is relative to the record's timestamp where the broker set it (LogAppendTime), so that a
    read of old records applies the same limit. Otherwise it is relative to the clock.

    Args:
        records: kafka-python's records.
        now: the clock, in seconds since the epoch.
        max_future: how far an event may be ahead, in seconds.

    Returns:
        int64 [records], seconds since the epoch.
    """
    clock = int(now)
    if all(record.timestamp_type != _LOG_APPEND_TIME for record in records[:1] + records[-1:]):
        return np.full(len(records), clock + max_future, np.int64)
    seconds = [
        record.timestamp // 1000 if record.timestamp_type == _LOG_APPEND_TIME else clock
        for record in records
    ]
    return np.array(seconds, np.int64) + max_future
