"""Sends the events of files to a Kafka topic, at a given pace."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from kafka import KafkaProducer

from sources.files.plan import FileRange
from sources.files.ranges import read_range
from sources.kafka.errors import connect_or_explain
from sources.kafka.url import KafkaUrl
from transforms.columns.id_names import IdNames
from transforms.columns.names import ids_of
from transforms.messages.events import BEHAVIORS, EventBatch

FLUSH_SECONDS = 30.0
_SHORTEST_SLEEP = 0.002

Message = tuple[int | None, bytes | None, bytes]
"""Event time (seconds since the epoch), key and value. Malformed lines have no time and key."""


@dataclass
class SendCounts:
    """Counts of a transfer.

    Attributes:
        sent: values passed to Kafka's client.
        failed: values that Kafka did not accept.
        malformed: lines of the files that are not events.
    """

    sent: int = 0
    failed: int = 0
    malformed: int = 0


class Pace:
    """Waits until events are due. The first event is due at once.

    Args:
        rate: events per second; None for no limit.
        speed: seconds of event time per second; None for no limit.
        clock: returns the current time in seconds.
        sleep: waits for a number of seconds.
    """

    def __init__(
        self,
        rate: float | None,
        speed: float | None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._rate, self._speed = rate, speed
        self._clock, self._sleep = clock, sleep
        self._started: float | None = None
        self._first_time = 0
        self._count = 0

    def wait(self, event_time: int) -> None:
        """Returns when the next event is due.

        Args:
            event_time: the event's time, in seconds since the epoch.
        """
        now = self._clock()
        if self._started is None:
            self._started, self._first_time = now, event_time
        due = self._started
        if self._rate:
            due += self._count / self._rate
        elif self._speed:
            due += (event_time - self._first_time) / self._speed
        self._count += 1
        # Short waits accumulate into one that the system can time.
        if due - now > _SHORTEST_SLEEP:
            self._sleep(due - now)


def messages(
    ranges: Sequence[FileRange], as_json: bool, keep_malformed: bool, counts: SendCounts
) -> Iterator[Message]:
    """The messages of files, in the files' order.

    Malformed lines follow the events of their block.

    Args:
        ranges: the parts of the files.
        as_json: values are JSON instead of CSV.
        keep_malformed: include malformed lines, unchanged.
        counts: its `malformed` is updated.

    Raises:
        SourceError: a file cannot be read.
    """
    for file_range in ranges:
        for events, dead_letters, *_ in read_range(file_range):
            yield from _encode(events, as_json)
            counts.malformed += len(dead_letters)
            if keep_malformed:
                # The text of a line with several malformed events is in the first one's letter.
                for dead_letter in filter(lambda letter: letter.raw, dead_letters):
                    yield None, None, dead_letter.raw.encode()


def _encode(events: EventBatch, as_json: bool) -> Iterator[Message]:
    names = events.names or IdNames()
    columns = (
        ids_of(names.user, events.user),
        ids_of(names.item, events.item),
        events.time.tolist(),
        events.behavior.tolist(),
    )
    for user, item, event_time, code in zip(*columns, strict=True):
        behavior = BEHAVIORS[code]
        text = (
            json.dumps(
                {"user": user, "item": item, "time": event_time, "behavior": behavior},
                ensure_ascii=False,
            )
            if as_json
            else f"{_field(user)},{_field(item)},{event_time},{behavior}"
        )
        yield event_time, str(user).encode(), text.encode()


def _field(value: int | str) -> int | str:
    """An id as a field of CSV (RFC 4180)."""
    if isinstance(value, str) and ("," in value or '"' in value):
        return '"' + value.replace('"', '""') + '"'
    return value


def send(
    outgoing: Iterable[Message],
    url: KafkaUrl,
    pace: Pace,
    counts: SendCounts,
    progress: Callable[[], None] = lambda: None,
) -> None:
    """Sends messages; those that were passed to the client are flushed in any case.

    Args:
        outgoing: the messages.
        url: the brokers and the topic.
        pace: when each message is due.
        counts: its `sent` and `failed` are updated.
        progress: called after each message.

    Raises:
        KafkaError: no broker answers, or one refuses the user.
    """
    producer = connect_or_explain(
        lambda wait: KafkaProducer(
            **url.client(),
            enable_idempotence=True,
            acks="all",
            linger_ms=20,
            batch_size=1 << 16,
            bootstrap_timeout_ms=wait,
        )
    )

    def count_failure(_: BaseException) -> None:
        counts.failed += 1

    try:
        for event_time, key, value in outgoing:
            if event_time is not None:
                pace.wait(event_time)
            producer.send(url.topic, value, key).add_errback(count_failure)
            counts.sent += 1
            progress()
    finally:
        try:
            producer.flush(FLUSH_SECONDS)
        finally:
            producer.close(FLUSH_SECONDS)
