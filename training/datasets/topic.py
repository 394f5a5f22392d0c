"""Reads the values of a topic up to the offsets of the moment of the start."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sources.errors import SourceError
from sources.parsing.kafka_values import parse_values
from sources.schema.kafka_values import parse_schema_values
from sources.schema.schema import Schema
from training.datasets.categories import category_schema
from transforms.messages.events import EventBatch

if TYPE_CHECKING:
    from kafka import KafkaConsumer, TopicPartition

POLL_MS = 500
POLL_RECORDS = 50_000
PATIENCE = 60.0
"""Seconds without a record after which the read fails."""


@dataclass(frozen=True, slots=True, eq=False)
class TopicValues:
    """What some values hold.

    Attributes:
        events: the events.
        reasons: malformed values by reason.
        ignored: values that a schema leaves out.
        categories: the events with the category in place of the user, where a schema names one.
    """

    events: EventBatch
    reasons: Mapping[str, int]
    ignored: int
    categories: EventBatch | None = None

    @property
    def malformed(self) -> int:
        """How many values are malformed."""
        return sum(self.reasons.values())


def read_topic(url: str, schema: Schema | None, max_bytes: int) -> Iterator[TopicValues]:
    """The values of all partitions, from their beginning to their end at the start.

    Args:
        url: `kafka://HOST:PORT/TOPIC`, with the security settings of `sources.kafka.url`.
        schema: how the values map to events; None for the project's own fields.
        max_bytes: a longer value is malformed.

    Raises:
        SourceError: no broker answers, there is no such topic, or no record comes for PATIENCE.
    """
    from kafka.errors import KafkaError

    from sources.kafka.consumers import close_quietly, connect
    from sources.kafka.errors import describe
    from sources.kafka.url import parse_url

    parsed = parse_url(url)
    try:
        consumer = connect(parsed)
        try:
            for values in _polls(consumer, str(parsed), parsed.topic):
                yield _parse(values, schema, max_bytes)
        finally:
            close_quietly(consumer)
    except KafkaError as error:
        raise SourceError(f"{parsed}: {describe(error)}") from error


def _parse(values: list[bytes | None], schema: Schema | None, max_bytes: int) -> TopicValues:
    if schema is None:
        found = parse_values(values, max_bytes)
    else:
        found = parse_schema_values(values, schema, max_bytes)
    of_category = category_schema(schema)
    categories = None
    if of_category is not None:
        categories = parse_schema_values(values, of_category, max_bytes).events
    reasons = Counter(found.malformed.reasons())
    return TopicValues(found.events, reasons, found.ignored, categories)


def _polls(consumer: KafkaConsumer, name: str, topic: str) -> Iterator[list[bytes | None]]:
    from kafka import TopicPartition

    from sources.kafka.consumers import ANSWER_MS

    if topic not in consumer.topics():
        raise SourceError(f"{name}: there is no such topic")
    every = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic)]
    begins = consumer.beginning_offsets(every, ANSWER_MS)
    ends = consumer.end_offsets(every, ANSWER_MS)
    left = [each for each in every if ends[each] > begins[each]]
    consumer.assign(left)
    for each in left:
        consumer.seek(each, begins[each])
    until = time.monotonic() + PATIENCE
    while left:
        polled = consumer.poll(POLL_MS, POLL_RECORDS)
        values = _values(polled, ends)
        if values:
            until = time.monotonic() + PATIENCE
            yield values
        # A position passes the end also where the last offsets hold no record.
        done = [each for each in left if (consumer.position(each, ANSWER_MS) or 0) >= ends[each]]
        if done:
            until = time.monotonic() + PATIENCE
            left = [each for each in left if each not in done]
            consumer.pause(*done)
        elif time.monotonic() > until:
            raise SourceError(f"{name}: no record came for {PATIENCE:.0f} s; run it again")


def _values(
    polled: Mapping[TopicPartition, list[Any]], ends: Mapping[TopicPartition, int]
) -> list[bytes | None]:
    return [
        record.value
        for each, records in polled.items()
        for record in records
        if record.offset < ends[each]
    ]
