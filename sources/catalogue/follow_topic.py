"""A catalogue in a compacted Kafka topic, followed as it changes."""

from __future__ import annotations

import logging
import threading
import time as clocks
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from kafka import TopicPartition
from kafka.errors import KafkaError

from sources.catalogue.malformed import LetterLog
from sources.catalogue.values import CatalogueRecord, parse_records
from sources.errors import SourceError
from sources.kafka.consumers import ANSWER_MS, close_quietly, connect
from sources.kafka.errors import PERMANENT, describe
from sources.kafka.url import KafkaUrl
from transforms.catalogue.timeline import Timeline
from transforms.messages.availability import Availability

if TYPE_CHECKING:
    from sources.catalogue.changes import Listener

SETTLE = 2.0
"""Records of a time have arrived at the broker so many seconds after it."""

LOOK_EVERY = 0.5
"""Seconds between two reads for times that are ahead of the clock."""

RETRY_SECONDS = 2.0
POLL_MS, POLL_RECORDS = 200, 20_000
MAX_ITEMS = 20_000_000
"""Most items of a topic."""

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class TopicCatalogue:
    """A catalogue in a topic (`transforms.catalogue.source.CatalogueSource`).

    Attributes:
        url: the topic.
        start: start of the job, in seconds since the epoch.
        text_ids: whether items are texts.
        new_seconds: an item is new for so many seconds after it was created; 0 for no such items.
    """

    url: KafkaUrl
    start: int
    text_ids: bool = False
    new_seconds: int = 0

    def load(self, listener: Listener | None = None) -> FollowedTopic:
        """Reads the topic up to its end; a listener gets its rows.

        Raises:
            SourceError: it does not exist, or the broker refuses the user.
        """
        return FollowedTopic(self, listener=listener)


class FollowedTopic:
    """The records of a topic, read up to its end whenever a later time is asked for.

    While brokers do not answer, the answer waits for them: a list with an item that left the
    catalogue would be wrong.

    Args:
        source: the topic.
        clock: seconds since the epoch.
        sleep: waits for so many seconds.
        listener: gets the rows of the records.

    Raises:
        SourceError: the topic cannot be used.
    """

    def __init__(
        self,
        source: TopicCatalogue,
        clock: Callable[[], float] = clocks.time,
        sleep: Callable[[float], None] = clocks.sleep,
        listener: Listener | None = None,
    ) -> None:
        self._source, self._clock, self._sleep = source, clock, sleep
        self._lock = threading.Lock()
        self._listener = listener
        self._consumer: Any = None
        self._positions: dict[TopicPartition, int] = {}
        self._read_until = float("-inf")
        self.letters = LetterLog()
        self.timeline = Timeline(source.start, source.new_seconds, source)
        self.malformed = 0
        self._catch_up()

    @property
    def has_features(self) -> bool:
        """Whether an item has a category and a time of creation."""
        return self.timeline.has_features

    def at(self, time: int) -> Availability:
        """What is available at a time, in seconds since the epoch."""
        if self._read_until < time + SETTLE:
            with self._lock:
                behind = self._read_until < time + SETTLE
                if behind and self._clock() - self._read_until >= LOOK_EVERY:
                    self._catch_up()
        return self.timeline.at(time)

    def _catch_up(self) -> None:
        """Reads to the end offsets of this moment, and waits while brokers do not answer."""
        while True:
            now = self._clock()
            try:
                self._read()
            except (KafkaError, OSError) as error:
                close_quietly(self._consumer) if self._consumer else None
                self._consumer = None
                if isinstance(error, PERMANENT):
                    raise SourceError(f"--items {self._source.url}: {describe(error)}") from error
                _LOG.warning("--items %s: %s; trying again", self._source.url, describe(error))
                self._sleep(RETRY_SECONDS)
            else:
                self._read_until = now
                return

    def _read(self) -> None:
        consumer = self._connected()
        parts = [
            TopicPartition(self._source.url.topic, number)
            for number in sorted(consumer.partitions_for_topic(self._source.url.topic))
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
            consumer = connect(self._source.url)
            if self._source.url.topic not in consumer.topics():
                close_quietly(consumer)
                raise SourceError(f"--items {self._source.url}: there is no such topic")
            self._consumer = consumer
        return self._consumer

    def _add(self, records: list[Any]) -> None:
        rows = parse_records(
            [CatalogueRecord(r.key, r.value, r.timestamp, r.partition, r.offset) for r in records],
            self._source.url.topic,
            text_ids=self._source.text_ids,
        )
        self.letters.add(rows.letters)
        if rows.malformed:
            self.malformed += rows.malformed
            _LOG.warning(
                "--items %s: %d records are malformed so far", self._source.url, self.malformed
            )
        if self._listener and (len(rows) or rows.malformed):
            self._listener(rows, rows.updated, np.empty(0, np.int64), 0)
        source = self._source
        features = rows.features(text_ids=source.text_ids) if source.new_seconds else None
        self.timeline.add(rows.item, rows.updated, rows.available, features)
        if len(self.timeline) > MAX_ITEMS:
            raise SourceError(f"--items {self._source.url}: more than {MAX_ITEMS:,} items")
