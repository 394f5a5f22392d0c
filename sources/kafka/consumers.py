"""Kafka consumers that a process keeps from one bundle to the next.

A bundle reads for a second or less, while connecting takes a tenth of a second. So a consumer,
with the records that it has prefetched, is kept for the bundle that continues at its position.
"""

from __future__ import annotations

import contextlib
import threading
import time
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError
from kafka.structs import OffsetAndMetadata

from sources.kafka.errors import connect_or_explain
from sources.kafka.url import KafkaUrl

IDLE_SECONDS = 60.0
"""A consumer that no bundle has used for so long is closed."""

FETCH_BYTES = 4 << 20
FETCH_MS = 50
"""How long a fetch waits at the broker for records; later requests wait for it."""

ANSWER_MS = 10_000
COMMIT_SECONDS = 5.0
"""The least time between two commits of a partition's position."""

REFRESH_SECONDS = 5.0
"""Time between two requests for a topic's metadata. Fetches name the topic, not its id, so that
the metadata alone show that a topic was deleted and created again."""

NO_TOPIC_ID = bytes(16)
"""The id of a topic of which the broker gives none (before Kafka 2.8)."""

_Key = tuple[KafkaUrl, int]


def connect(url: KafkaUrl, group: str | None = None) -> KafkaConsumer:
    """A consumer that creates no topic, commits nothing by itself and skips aborted transactions.

    Raises:
        KafkaError: no broker answers, or one refuses the user.
    """
    return connect_or_explain(
        lambda wait: KafkaConsumer(
            **url.client(),
            group_id=group,
            enable_auto_commit=False,
            auto_offset_reset="none",
            allow_auto_create_topics=False,
            isolation_level="read_committed",
            max_partition_fetch_bytes=FETCH_BYTES,
            fetch_max_wait_ms=FETCH_MS,
            bootstrap_timeout_ms=wait,
            request_timeout_ms=40_000,
            reconnect_backoff_max_ms=5_000,
            metrics_enabled=False,
        )
    )


def topic_id(consumer: KafkaConsumer, topic: str) -> bytes:
    """The id that the broker gave the topic when it was created, 16 bytes.

    It is the one of the consumer's latest metadata; NO_TOPIC_ID where they have none.
    """
    found = consumer._cluster.topic_id(topic)  # noqa: SLF001 - there is no public way
    return NO_TOPIC_ID if found is None else bytes(found.bytes)


def is_other_topic(one: bytes, other: bytes) -> bool:
    """Whether two ids are of different topics; where one is not known they are taken as one."""
    return one != other and NO_TOPIC_ID not in (one, other)


def is_missing(consumer: KafkaConsumer, topic: str) -> bool:
    """Whether the topic does not exist; the broker is asked only if the metadata lack it."""
    known = consumer._cluster.partitions_for_topic(topic) is not None  # noqa: SLF001
    return not known and topic not in consumer.topics()


def refresh_metadata(consumer: KafkaConsumer) -> None:
    """Asks the broker for the metadata of the consumer's topic, and waits for the answer."""
    future = consumer._cluster.request_update()  # noqa: SLF001
    consumer._net.run(consumer._manager.wait_for, future, ANSWER_MS)  # noqa: SLF001


class ConsumerPool:
    """The consumers of one job in this process that no bundle is using, and its committers."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[_Key, tuple[KafkaConsumer, int, float]] = {}
        self._committing = threading.Lock()
        self._committers: dict[tuple[KafkaUrl, str], Any] = {}
        self._committed: dict[_Key, tuple[int, float]] = {}
        self._refreshed: dict[_Key, float] = {}

    def acquire(self, url: KafkaUrl, partition: int, position: int) -> KafkaConsumer:
        """A consumer assigned to the partition, whose next record is the one at `position`.

        Raises:
            KafkaError: no broker answers.
        """
        self.close(IDLE_SECONDS)
        with self._lock:
            consumer, at, _ = self._kept.pop((url, partition), (None, -1, 0.0))
        where = TopicPartition(url.topic, partition)
        now = time.monotonic()
        if consumer is None:
            consumer = connect(url)
            consumer.assign([where])
            self._refreshed[url, partition] = now
        elif now - self._refreshed.get((url, partition), -REFRESH_SECONDS) >= REFRESH_SECONDS:
            refresh_metadata(consumer)
            self._refreshed[url, partition] = now
        if at != position:
            consumer.seek(where, position)
        return consumer

    def release(
        self, url: KafkaUrl, partition: int, position: int, consumer: KafkaConsumer
    ) -> None:
        """Keeps a consumer for the bundle that continues at `position`."""
        with self._lock:
            other = self._kept.pop((url, partition), None)
            self._kept[url, partition] = consumer, position, time.monotonic()
        if other:
            close_quietly(other[0])

    def close(self, idle_seconds: float = 0.0) -> None:
        """Closes the consumers that no bundle has used for so long; with 0 the committers too."""
        limit = time.monotonic() - idle_seconds
        with self._lock:
            old = [key for key, (_, _, since) in self._kept.items() if since <= limit]
            closing = [self._kept.pop(key)[0] for key in old]
        for consumer in closing:
            close_quietly(consumer)
        if not idle_seconds:
            with self._committing:
                while self._committers:
                    close_quietly(self._committers.popitem()[1])

    def is_to_commit(self, url: KafkaUrl, partition: int, position: int, is_last: bool) -> bool:
        """Whether to commit a position: it is new, and the last commit is long enough ago.

        A bundle that commits occupies its processor until a checkpoint is complete. Other
        bundles then need a new processor, which takes a tenth of a second of all threads.
        """
        now = time.monotonic()
        with self._lock:
            committed, since = self._committed.get((url, partition), (None, -COMMIT_SECONDS))
            if position == committed or (now - since < COMMIT_SECONDS and not is_last):
                return False
            self._committed[url, partition] = position, now
            return True

    def commit(self, url: KafkaUrl, group: str, partition: int, position: int) -> None:
        """Commits a position for tools that show the lag; the job itself does not use it."""
        where = {TopicPartition(url.topic, partition): OffsetAndMetadata(position, "", -1)}
        with self._committing:
            key = (url, group)
            if key not in self._committers:
                self._committers[key] = connect(url, group)
            try:
                self._committers[key].commit(where, timeout_ms=ANSWER_MS)
            except KafkaError:
                close_quietly(self._committers.pop(key))
                raise  # Beam logs what a finalization raises, and continues.


def close_quietly(consumer: KafkaConsumer) -> None:
    """Closes a consumer, whatever state it is in."""
    with contextlib.suppress(KafkaError, OSError):
        consumer.close(autocommit=False, timeout_ms=1000)
