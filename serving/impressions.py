"""Impressions: which lists the API handed out, written to a Kafka topic (spec section 5).

Answers never wait: impressions go into a queue of limited length, and a thread writes them in
batches. What finds no place in the queue, or is not accepted by Kafka, is counted.
"""

from __future__ import annotations

import json
import logging
import queue
import threading
import time
from collections.abc import Callable
from typing import Any

from serving.metrics import Metrics
from serving.schemas import Id
from sources.kafka.url import KafkaUrl

QUEUE = 100_000
"""Impressions that wait for Kafka, at most."""
FLUSH_SECONDS = 5.0
"""How long the end of the server waits for what is not yet accepted."""
RETRY_SECONDS = 1.0
_LOG = logging.getLogger(__name__)


class ImpressionWriter:
    """Writes `user,T,time` to a topic, or a JSON object of these names where the user is text.

    Args:
        url: the topic.
        metrics: where written and failed impressions are counted.
        clock: gives the time in seconds since the epoch.
        connect: makes a producer, as kafka-python's; None for the topic's.
    """

    def __init__(
        self,
        url: KafkaUrl,
        metrics: Metrics,
        clock: Callable[[], float] = time.time,
        connect: Callable[[], Any] | None = None,
    ) -> None:
        self._url, self._metrics, self._clock = url, metrics, clock
        self._connect = connect or self._producer
        self._waiting: queue.Queue[tuple[bytes, bytes]] = queue.Queue(QUEUE)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="impressions", daemon=True)
        self._thread.start()

    def show(self, user: Id, at: int) -> None:
        """Notes that a user was shown the list of a ranking time; returns at once.

        Args:
            user: the user.
            at: the list's ranking time, in seconds since the epoch.
        """
        now = int(self._clock())
        if isinstance(user, str):
            row = {"user": user, "T": at, "time": now}
            value = json.dumps(row, ensure_ascii=False).encode()
        else:
            value = b"%d,%d,%d" % (user, at, now)
        try:
            self._waiting.put_nowait((str(user).encode(), value))
        except queue.Full:
            self._metrics.impressions_failed.inc()

    def close(self) -> None:
        """Writes what waits, for a few seconds at most."""
        self._stop.set()
        self._thread.join(2 * FLUSH_SECONDS + RETRY_SECONDS)

    def _producer(self) -> Any:
        # A server without impressions does not import Kafka's client.
        from kafka import KafkaProducer

        return KafkaProducer(
            **self._url.client(), enable_idempotence=True, acks="all", linger_ms=20
        )

    def _run(self) -> None:
        producer: Any = None
        while producer is None:
            try:
                producer = self._connect()
            except Exception as error:  # Whatever it is, the server serves on.
                _LOG.warning("--impressions %s: %s; trying again", self._url, error)
                if self._stop.wait(RETRY_SECONDS):
                    self._metrics.impressions_failed.inc(self._waiting.qsize())
                    return
        while not self._stop.is_set() or not self._waiting.empty():
            try:
                key, value = self._waiting.get(timeout=0.2)
            except queue.Empty:
                continue
            self._send(producer, key, value)
        try:
            producer.flush(FLUSH_SECONDS)
            producer.close(FLUSH_SECONDS)
        except Exception as error:  # What was not accepted has been counted.
            _LOG.warning("--impressions %s: %s", self._url, error)

    def _send(self, producer: Any, key: bytes, value: bytes) -> None:
        try:
            sent = producer.send(self._url.topic, value, key)
        except Exception as error:  # Kafka's buffer stays full, or there is no such topic.
            self._failed(error)
            return
        sent.add_callback(lambda _: self._metrics.impressions.inc())
        sent.add_errback(self._failed)

    def _failed(self, error: BaseException) -> None:
        self._metrics.impressions_failed.inc()
        _LOG.warning("--impressions %s: an impression was not written: %s", self._url, error)
