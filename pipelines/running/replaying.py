"""Sends the events of files to a topic, at a pace."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from kafka import KafkaProducer

from sources.files.plan import FileRange
from sources.files.read import read_range
from sources.kafka.errors import reach
from sources.kafka.url import KafkaUrl
from transforms.messages.events import BEHAVIORS, EventBatch

FLUSH_SECONDS = 30.0
"""Time that Kafka has for the last messages, in seconds."""

_NAP_SECONDS = 0.002


@dataclass
class Replay:
    """What was done so far.

    Attributes:
        sent: values handed to Kafka's client.
        failed: values that Kafka did not take.
        malformed: lines of the file that are not events.
    """

    sent: int = 0
    failed: int = 0
    malformed: int = 0


class Pace:
    """Waits until an event is due.

    Args:
        rate: events per second of the clock, or None.
        speed: seconds of event time per second of the clock, or None.
    """

    def __init__(self, rate: float | None, speed: float | None) -> None:
        self.rate = rate
        self.speed = speed
        self._begun: float | None = None
        self._first = 0
        self._count = 0

    def wait(self, event_time: int) -> None:
        """Returns when the next event, which happened at `event_time`, is due."""
        now = time.monotonic()
        if self._begun is None:
            self._begun, self._first = now, event_time
        due = self._begun
        if self.rate:
            due += self._count / self.rate
        elif self.speed:
            due += (event_time - self._first) / self.speed
        self._count += 1
        if due - now > _NAP_SECONDS:
            time.sleep(due - now)


def values(
    ranges: Sequence[FileRange], as_json: bool, keep: bool, done: Replay
) -> Iterator[tuple[int | None, bytes | None, bytes]]:
    """Time, key and value of each message, in the file's order.

    Malformed lines follow the events of their block, without a time or a key.
    """
    for piece in ranges:
        for events, letters in read_range(piece):
            yield from _encode(events, as_json)
            done.malformed += len(letters)
            if keep:
                for letter in letters:
                    yield None, None, letter.raw.encode()


def _encode(events: EventBatch, as_json: bool) -> Iterator[tuple[int, bytes, bytes]]:
    columns = (events.user, events.item, events.time, events.behavior)
    for user, item, when, code in zip(*(column.tolist() for column in columns), strict=True):
        name = BEHAVIORS[code]
        text = (
            json.dumps({"user": user, "item": item, "time": when, "behavior": name})
            if as_json
            else f"{user},{item},{when},{name}"
        )
        yield when, b"%d" % user, text.encode()


def replay(
    messages: Iterator[tuple[int | None, bytes | None, bytes]],
    url: KafkaUrl,
    pace: Pace,
    done: Replay,
    progress: Callable[[], None] = lambda: None,
) -> None:
    """Sends the messages; whatever stops it, all that were handed over are flushed.

    Raises:
        KafkaError: no broker answers, or one refuses the user.
    """
    producer = reach(
        lambda wait: KafkaProducer(
            **url.client(),
            enable_idempotence=True,
            acks="all",
            linger_ms=20,
            batch_size=1 << 16,
            bootstrap_timeout_ms=wait,
        )
    )

    def failed(_: BaseException) -> None:
        done.failed += 1

    try:
        for when, key, value in messages:
            if when is not None:
                pace.wait(when)
            producer.send(url.topic, value, key).add_errback(failed)
            done.sent += 1
            progress()
    finally:
        try:
            producer.flush(FLUSH_SECONDS)
        finally:
            producer.close(FLUSH_SECONDS)
