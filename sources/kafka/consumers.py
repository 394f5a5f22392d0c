"""A process's consumers: one per partition, kept from one bundle to the next.

A bundle reads for a second or less, and connecting takes a tenth of one; so a consumer, with
what it has fetched ahead, waits here for the bundle that goes on where the last one ended.
"""

from __future__ import annotations

import contextlib
import threading
import time
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError
from kafka.structs import OffsetAndMetadata

from sources.kafka.errors import reach
from sources.kafka.url import KafkaUrl

IDLE_SECONDS = 60.0
FETCH_BYTES = 4 << 20
FETCH_MS = 50
"""How long a fetch waits at the broker for records: what is asked behind it waits as long."""
ANSWER_MS = 10_000
COMMIT_SECONDS = 5.0
"""Between two commits of a partition's position at the least."""

_Key = tuple[KafkaUrl, int]


def connect(url: KafkaUrl, group: str | None = None) -> KafkaConsumer:
    """A consumer that makes no topic, commits nothing by itself and skips aborted transactions.

    Raises:
        KafkaError: no broker answers, or one refuses the user.
    """
    return reach(
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


class Consumers:
    """The consumers that no bundle is using, and the committers."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[_Key, tuple[KafkaConsumer, int, float]] = {}
        self._committing = threading.Lock()
        self._committers: dict[tuple[KafkaUrl, str], Any] = {}
        self._told: dict[_Key, tuple[int, float]] = {}

    def take(self, url: KafkaUrl, partition: int, position: int) -> KafkaConsumer:
        """A consumer assigned to the partition, whose next record is the one at `position`.

        Raises:
            KafkaError: no broker answers.
        """
        self.close(IDLE_SECONDS)
        with self._lock:
            consumer, at, _ = self._kept.pop((url, partition), (None, -1, 0.0))
        where = TopicPartition(url.topic, partition)
        if consumer is None:
            consumer = connect(url)
            consumer.assign([where])
        if at != position:
            consumer.seek(where, position)
        return consumer

    def give(self, url: KafkaUrl, partition: int, position: int, consumer: KafkaConsumer) -> None:
        """Keeps a consumer for the bundle that goes on at `position`."""
        with self._lock:
            other = self._kept.pop((url, partition), None)
            self._kept[url, partition] = consumer, position, time.monotonic()
        if other:
            shut(other[0])

    def close(self, idle_seconds: float = 0.0) -> None:
        """Closes the consumers that nobody has used for so long; with 0 the committers too."""
        limit = time.monotonic() - idle_seconds
        with self._lock:
            old = [key for key, (_, _, since) in self._kept.items() if since <= limit]
            closing = [self._kept.pop(key)[0] for key in old]
        for consumer in closing:
            shut(consumer)
        if not idle_seconds:
            with self._committing:
                while self._committers:
                    shut(self._committers.popitem()[1])

    def is_to_commit(self, url: KafkaUrl, partition: int, position: int, is_last: bool) -> bool:
        """Whether to commit a position: not the one before again, and not too often.

        A bundle that commits keeps what worked on it until a checkpoint is over: meanwhile each
        other one needs a worker made anew, and that takes a tenth of a second of all threads.
        """
        now = time.monotonic()
        with self._lock:
            told, since = self._told.get((url, partition), (None, -COMMIT_SECONDS))
            if position == told or (now - since < COMMIT_SECONDS and not is_last):
                return False
            self._told[url, partition] = position, now
            return True

    def commit(self, url: KafkaUrl, group: str, partition: int, position: int) -> None:
        """Tells lag tools how far the job has come; a failure is only the tools' loss."""
        where = {TopicPartition(url.topic, partition): OffsetAndMetadata(position, "", -1)}
        with self._committing:
            key = (url, group)
            if key not in self._committers:
                self._committers[key] = connect(url, group)
            try:
                self._committers[key].commit(where, timeout_ms=ANSWER_MS)
            except KafkaError:
                shut(self._committers.pop(key))
                raise  # Beam logs what a finalization raises, and goes on.


def shut(consumer: KafkaConsumer) -> None:
    """Closes a consumer, whatever state it is in."""
    with contextlib.suppress(KafkaError, OSError):
        consumer.close(autocommit=False, timeout_ms=1000)


CONSUMERS = Consumers()
"""This process's."""
