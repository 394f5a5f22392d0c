"""Polls of a partition: the records from an offset on, and whether there are more."""

from __future__ import annotations

import logging
from typing import Any, NamedTuple

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import (
    KafkaError,
    LogTruncationError,
    OffsetOutOfRangeError,
    UnknownTopicOrPartitionError,
)

from sources.errors import SourceError
from sources.kafka.batches import MAX_BATCH, decompressing
from sources.kafka.consumers import (
    ANSWER_MS,
    is_missing,
    is_other_topic,
    refresh_metadata,
    topic_id,
)
from sources.kafka.partition import Partition
from sources.kafka.partitions import FOREVER
from sources.kafka.url import KafkaUrl

POLL_RECORDS = 5000
POLL_MS = 50
_LOG = logging.getLogger(__name__)


class TopicReplacedError(SourceError):
    """The topic was deleted, and another one was created with its name."""


class Polled(NamedTuple):
    """What a poll gave.

    Attributes:
        end: the offset after the records and the gaps between them.
        records: kafka-python's records.
        expired: how many records were deleted before they were read.
    """

    end: int
    records: list[Any]
    expired: int = 0


def poll(
    consumer: KafkaConsumer,
    url: KafkaUrl,
    partition: Partition,
    position: int,
    stop: int,
    max_batch: int = MAX_BATCH,
) -> Polled:
    """Records of a partition from `position` on.

    Args:
        consumer: at `position`.
        url: the topic.
        partition: which partition.
        position: the offset to read next.
        stop: the offset to end before.
        max_batch: bytes of a decompressed batch; a larger one is a value that is too long.

    Raises:
        TooManyBytesError: a new consumer is needed, from the same position.
        TopicReplacedError: the topic was deleted and created again.
        SourceError: the same, found without ids; or records cannot be decoded.
        UnknownTopicOrPartitionError: the topic does not exist.
        KafkaError: the broker does not answer.
    """
    where = TopicPartition(url.topic, partition.number)
    try:
        with decompressing(max_batch):
            records = _fetched(consumer, url, where)
        check_topic(consumer, url, partition)
        end = consumer.position(where, ANSWER_MS)
    except LogTruncationError:
        # A topic that was deleted, or created again, looks like this too.
        refresh_metadata(consumer)
        check_topic(consumer, url, partition)
        raise
    except OffsetOutOfRangeError as error:
        refresh_metadata(consumer)
        check_topic(consumer, url, partition)
        begin = consumer.beginning_offsets([where], ANSWER_MS)[where]
        if position >= begin:
            raise SourceError(
                f"{url}, partition {partition.number}: offset {position} is beyond the end; "
                f"{_CREATED_AGAIN}"
            ) from error
        # Only what this read was to cover counts.
        expired = min(begin, stop) - position
        _LOG.warning(
            "%s, partition %d: %d records were deleted before they were read",
            url,
            partition.number,
            expired,
        )
        consumer.seek(where, begin)
        return Polled(min(begin, stop), [], expired)
    if end is None or end <= stop:
        return Polled(end or position, records)
    return Polled(stop, [record for record in records if record.offset < stop])


def _fetched(consumer: KafkaConsumer, url: KafkaUrl, where: TopicPartition) -> list[Any]:
    try:
        records: list[Any] = consumer.poll(POLL_MS, POLL_RECORDS).get(where, [])
    except (KafkaError, OSError):
        raise
    except Exception as error:
        # The codecs' libraries have errors of their own.
        raise SourceError(
            f"{url}, partition {where.partition}: records cannot be decoded: {error}"
        ) from error
    return records


_CREATED_AGAIN = (
    "the topic was deleted and created again, so that the job's positions mean nothing: start the "
    "job anew, without its savepoint"
)


def check_topic(consumer: KafkaConsumer, url: KafkaUrl, partition: Partition) -> None:
    """Makes sure that the consumer reads the topic that the partition's offsets belong to.

    Raises:
        TopicReplacedError: another topic has the name.
        UnknownTopicOrPartitionError: the topic does not exist.
    """
    found = topic_id(consumer, url.topic)
    if is_other_topic(partition.topic_id, found):
        raise TopicReplacedError(f"{url}: {_CREATED_AGAIN}")
    if is_missing(consumer, url.topic):
        raise UnknownTopicOrPartitionError(url.topic)


def is_at_end(
    consumer: KafkaConsumer, where: TopicPartition, position: int, stop: int, polled: int
) -> bool:
    """Whether there is nothing more to read; the broker is asked only where it must be.

    Args:
        consumer: at `position`.
        where: the partition.
        position: the offset to read next.
        stop: the offset to end before.
        polled: how many records the last poll gave.
    """
    if polled == POLL_RECORDS or (polled and stop != FOREVER):
        return False
    if polled:  # The fetch response had the end offset.
        end = consumer.highwater(where)
        return end is not None and end <= position
    return bool(consumer.end_offsets([where], ANSWER_MS)[where] <= position)
