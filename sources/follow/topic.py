"""A topic that is read up to its end, whenever a later time is asked for."""

from __future__ import annotations

import logging
import threading
import time as clocks
from collections.abc import Callable
from typing import Any

from kafka import TopicPartition
from kafka.errors import KafkaError

from sources.errors import SourceError
from sources.kafka.consumers import ANSWER_MS, close_quietly, connect
from sources.kafka.errors import PERMANENT, describe
from sources.kafka.url import KafkaUrl

SETTLE = 2.0
"""Records of a time have arrived at the broker so many seconds after it."""

LOOK_EVERY = 0.5
"""Seconds between two reads for times that are ahead of the clock."""

RETRY_SECONDS = 2.0
POLL_MS, POLL_RECORDS = 200, 20_000

_LOG = logging.getLogger(__name__)


class TopicFollower:
    """Reads the records of a topic. While brokers do not answer, it waits for them.

    Args:
        option: the option that names the topic, for errors.
        url: the topic.
        add: gets the records of a partition, in order.
        clock: seconds since the epoch.
        sleep: waits for so many seconds.
    """

    def __init__(
        self,
        option: str,
        url: KafkaUrl,
        add: Callable[[list[Any]], None],
        clock: Callable[[], float] = clocks.time,
        sleep: Callable[[float], None] = clocks.sleep,
    ) -> None:
        self._url, self._name = url, f"{option} {url}"
        self._add, self._clock, self._sleep = add, clock, sleep
        self._lock = threading.Lock()
        self._consumer: Any = None
        self._positions: dict[TopicPartition, int] = {}
        self._read_until = float("-inf")

    def follow(self, time: int) -> None:
        """Reads on if that is needed to answer for a time in seconds since the epoch.

        Raises:
            SourceError: the topic cannot be used.
        """
        if self._read_until < time + SETTLE:
            with self._lock:
                behind = self._read_until < time + SETTLE
                if behind and self._clock() - self._read_until >= LOOK_EVERY:
                    self.catch_up()

    def catch_up(self) -> None:
        """Reads to the end offsets of this moment, and waits while brokers do not answer.

        Raises:
            SourceError: the topic cannot be used.
        """
        while True:
            now = self._clock()
            try:
                self._read()
            except (KafkaError, OSError) as error:
                close_quietly(self._consumer) if self._consumer else None
                self._consumer = None
                if isinstance(error, PERMANENT):
                    raise SourceError(f"{self._name}: {describe(error)}") from error
                _LOG.warning("%s: %s; trying again", self._name, describe(error))
                self._sleep(RETRY_SECONDS)
            else:
                self._read_until = now
                return

    def _read(self) -> None:
        consumer = self._connected()
        parts = [
            TopicPartition(self._url.topic, number)
            for number in sorted(consumer.partitions_for_topic(self._url.topic))
        ]
        new = [part for part in parts if part not in self._positions]
        if new or not consumer.assignment():
            consumer.assign(parts)
            starts = consumer.beginning_offsets(parts, ANSWER_MS)
            for part in parts:
                self._positions.setdefault(part, starts[part])
                consumer.seek(part, max(self._positions[part], starts[part]))
        ends = consumer.end_offsets(parts, ANSWER_MS)
        while any(self._positions[part] < ends[part] for part in parts):
            records = consumer.poll(POLL_MS, POLL_RECORDS)
            for found in records.values():
                self._add(found)
            for part in parts:
                position = consumer.position(part, ANSWER_MS)
                self._positions[part] = self._positions[part] if position is None else position

    def _connected(self) -> Any:
        if self._consumer is None:
            consumer = connect(self._url)
            if self._url.topic not in consumer.topics():
                close_quietly(consumer)
                raise SourceError(f"{self._name}: there is no such topic")
            self._consumer = consumer
        return self._consumer
