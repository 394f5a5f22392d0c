"""Looks at a partition: the records from an offset on, and whether there are more."""

from __future__ import annotations

import logging
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import OffsetOutOfRangeError

from sources.errors import SourceError
from sources.kafka.consumers import ANSWER_MS
from sources.kafka.partitions import FOREVER
from sources.kafka.url import KafkaUrl

POLL_RECORDS = 5000
POLL_MS = 50
_LOG = logging.getLogger(__name__)


def poll(
    consumer: KafkaConsumer, url: KafkaUrl, number: int, position: int, stop: int
) -> tuple[int, list[Any]]:
    """Records from `position` on, and the offset after what they cover (gaps included).

    Args:
        consumer: at `position`.
        url: the topic.
        number: of the partition.
        position: the offset to read next.
        stop: the offset to end before.

    Raises:
        SourceError: the topic was made anew.
        KafkaError: the broker does not answer.
    """
    where = TopicPartition(url.topic, number)
    try:
        records = consumer.poll(POLL_MS, POLL_RECORDS).get(where, [])
        end = consumer.position(where, ANSWER_MS)
    except OffsetOutOfRangeError as error:
        begin = consumer.beginning_offsets([where], ANSWER_MS)[where]
        if position >= begin:
            raise SourceError(
                f"{url}, partition {number}: offset {position} is beyond the end; the "
                "topic was made anew, so that the job must be started anew"
            ) from error
        _LOG.warning(
            "%s, partition %d: %d records were deleted before they were read",
            url,
            number,
            begin - position,
        )
        consumer.seek(where, begin)
        return min(begin, stop), []
    if end is None or end <= stop:
        return end or position, records
    return stop, [record for record in records if record.offset < stop]


def is_at_end(
    consumer: KafkaConsumer, where: TopicPartition, position: int, stop: int, polled: int
) -> bool:
    """Whether the broker says that there is nothing more; not asked where there must be.

    Args:
        consumer: at `position`.
        where: the partition.
        position: the offset to read next.
        stop: the offset to end before.
        polled: how many records the last poll gave.
    """
    if polled == POLL_RECORDS or (polled and stop != FOREVER):
        return False
    if polled:  # The answer came with them.
        end = consumer.highwater(where)
        return end is not None and end <= position
    return bool(consumer.end_offsets([where], ANSWER_MS)[where] <= position)
