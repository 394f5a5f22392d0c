"""A topic's partitions and their first offsets."""

from __future__ import annotations

from typing import Any

import apache_beam as beam
from apache_beam.io.restriction_trackers import OffsetRange, OffsetRestrictionTracker
from apache_beam.io.watermark_estimators import ManualWatermarkEstimator
from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from sources.errors import SourceError
from sources.files.history import FOLLOWS
from sources.kafka.consumers import (
    ANSWER_MS,
    NO_TOPIC_ID,
    close_quietly,
    connect,
    is_other_topic,
    topic_id,
)
from sources.kafka.errors import describe
from sources.kafka.partition import Partition
from sources.kafka.url import KafkaUrl
from sources.options import start_time

FOREVER = (1 << 63) - 1
"""The stop of a range that has no end."""

RETRY_SECONDS = 5

_RESTRICTION = beam.DoFn.RestrictionParam()
_WATERMARK = beam.DoFn.WatermarkEstimatorParam(ManualWatermarkEstimator.default_provider())


def list_partitions(
    url: KafkaUrl, start: str, bounded: bool, known: int = 0, known_id: bytes = NO_TOPIC_ID
) -> list[Partition] | None:
    """The topic's partitions from number `known` on, or None where the topic does not exist.

    Args:
        url: the topic.
        start: `earliest`, `latest` or an ISO time. Partitions beyond those known are new, and
            are read from their beginning.
        bounded: whether to stop at the offsets of this moment.
        known: how many partitions are known already.
        known_id: the id of the topic that they belong to. If the topic was created again since,
            all of its partitions are new.

    Raises:
        KafkaError: no broker answers.
    """
    consumer = connect(url)
    try:
        if url.topic not in consumer.topics():
            return None
        numbers = sorted(consumer.partitions_for_topic(url.topic))
        found_id = topic_id(consumer, url.topic)
        first = 0 if is_other_topic(known_id, found_id) else known
        asked = [TopicPartition(url.topic, number) for number in numbers if number >= first]
        if not asked:
            return []
        starts = _starts(consumer, asked, "earliest" if known else start)
        ends = consumer.end_offsets(asked, ANSWER_MS) if bounded else {}
        return [
            Partition(
                number=p.partition,
                start=starts[p],
                stop=max(ends.get(p, FOREVER), starts[p]),
                place=place,
                among=len(asked),
                topic_id=found_id,
            )
            for place, p in enumerate(asked)
        ]
    finally:
        close_quietly(consumer)


def _starts(
    consumer: KafkaConsumer, asked: list[TopicPartition], start: str
) -> dict[TopicPartition, int]:
    if start == "earliest":
        return dict(consumer.beginning_offsets(asked, ANSWER_MS))
    ends = dict(consumer.end_offsets(asked, ANSWER_MS))
    moment = start_time(start.removeprefix(FOLLOWS))
    if moment is None:
        return ends
    found = consumer.offsets_for_times(dict.fromkeys(asked, moment), ANSWER_MS)
    if start.startswith(FOLLOWS):
        _check_no_gap(found, consumer.beginning_offsets(asked, ANSWER_MS), ends)
    return {p: found[p].offset if found.get(p) else ends[p] for p in asked}


def _check_no_gap(
    found: dict[TopicPartition, Any],
    begins: dict[TopicPartition, int],
    ends: dict[TopicPartition, int],
) -> None:
    for partition, first in begins.items():
        after = found[partition].offset if found.get(partition) else ends[partition]
        # No record that is left is older than the files' last event.
        if first and after == first:
            raise SourceError(
                f"--history: of partition {partition.partition} of the topic the records before "
                f"offset {first} were deleted, which may be such as follow the files' last event: "
                "take newer files, or give --kafka_start=earliest to go on without them"
            )


def list_bounded(url: KafkaUrl, start: str) -> list[Partition]:
    """The partitions of a bounded read, which stops at the end offsets of this moment.

    Raises:
        SourceError: no broker answers, or the topic does not exist.
    """
    try:
        partitions = list_partitions(url, start, bounded=True)
    except KafkaError as error:
        raise SourceError(f"{url}: {describe(error)}") from error
    if partitions is None:
        raise SourceError(f"{url}: there is no such topic")
    return partitions


class UnsplittableTracker(OffsetRestrictionTracker):
    """An offset tracker whose remainder can only be deferred whole.

    A partition is read by one reader, in order.
    """

    def try_split(self, fraction_of_remainder: float) -> tuple[OffsetRange, OffsetRange] | None:
        """The claimed part and the rest, where the whole rest is asked for; else None."""
        if fraction_of_remainder != 0:
            return None
        split: tuple[OffsetRange, OffsetRange] | None = super().try_split(0)
        return split

    def is_bounded(self) -> bool:
        """Whether it has an end."""
        bounded: bool = self.current_restriction().stop != FOREVER
        return bounded
