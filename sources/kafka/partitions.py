"""A topic's partitions and their first offsets, and partitions that are added while a job runs."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import apache_beam as beam
from apache_beam.io.restriction_trackers import OffsetRange, OffsetRestrictionTracker
from apache_beam.io.watermark_estimators import ManualWatermarkEstimator
from apache_beam.transforms.core import RestrictionProvider
from apache_beam.utils.timestamp import Duration, Timestamp
from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from sources.errors import SourceError
from sources.kafka.consumers import ANSWER_MS, close_quietly, connect, topic_id
from sources.kafka.errors import PERMANENT, describe
from sources.kafka.partition import Partition
from sources.kafka.url import KafkaUrl
from sources.options import start_time
from transforms.messages.events import TIME_LIMIT

FOREVER = (1 << 63) - 1
"""The stop of a range that has no end."""

RETRY_SECONDS = 5

_RESTRICTION = beam.DoFn.RestrictionParam()
_WATERMARK = beam.DoFn.WatermarkEstimatorParam(ManualWatermarkEstimator.default_provider())
_LOG = logging.getLogger(__name__)


def list_partitions(
    url: KafkaUrl, start: str, bounded: bool, known: int = 0
) -> list[Partition] | None:
    """The topic's partitions from number `known` on, or None where the topic does not exist.

    Args:
        url: the topic.
        start: `earliest`, `latest` or an ISO time. Partitions beyond those known are new, and
            are read from their beginning.
        bounded: whether to stop at the offsets of this moment.
        known: how many partitions are known already.

    Raises:
        KafkaError: no broker answers.
    """
    consumer = connect(url)
    try:
        if url.topic not in consumer.topics():
            return None
        numbers = sorted(consumer.partitions_for_topic(url.topic))
        asked = [TopicPartition(url.topic, number) for number in numbers if number >= known]
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
                topic_id=topic_id(consumer, url.topic),
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
    moment = start_time(start)
    if moment is None:
        return ends
    found = consumer.offsets_for_times(dict.fromkeys(asked, moment), ANSWER_MS)
    return {p: found[p].offset if found.get(p) else ends[p] for p in asked}


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


class WatchPartitions(beam.DoFn, RestrictionProvider):
    """Outputs a topic's partitions, and looks for new ones for ever.

    Its restriction's positions are partition numbers, so that each partition is output once. A
    topic that does not exist, or brokers that do not answer, are waited for, with warnings.

    Args:
        start: where to begin: `earliest`, `latest` or an ISO time.
        refresh: seconds between two looks.
    """

    def __init__(self, start: str, refresh: int) -> None:
        self.start = start
        self.refresh = refresh

    def initial_restriction(self, element: KafkaUrl) -> OffsetRange:
        """All partition numbers."""
        return OffsetRange(0, FOREVER)

    def create_tracker(self, restriction: OffsetRange) -> OffsetRestrictionTracker:
        """A tracker that is never split."""
        return UnsplittableTracker(restriction)

    def restriction_size(self, element: KafkaUrl, restriction: OffsetRange) -> float:
        """The work left: one look."""
        return 1.0

    @beam.DoFn.unbounded_per_element()
    def process(
        self,
        element: KafkaUrl,
        tracker: Any = _RESTRICTION,
        watermark: Any = _WATERMARK,
    ) -> Iterator[Partition]:
        """The partitions that are new since the last look."""
        found = self._look(element, tracker.current_restriction().start)
        for partition in found or ():
            if not tracker.try_claim(partition.number):
                return
            yield partition
        if found is not None:
            # Each partition has a watermark of its own. This one must not hold them back.
            watermark.set_watermark(Timestamp(TIME_LIMIT))
        wait = RETRY_SECONDS if found is None else self.refresh
        tracker.defer_remainder(Duration(wait))

    def _look(self, url: KafkaUrl, known: int) -> list[Partition] | None:
        try:
            found = list_partitions(url, self.start, bounded=False, known=known)
        except KafkaError as error:
            if isinstance(error, PERMANENT):
                raise SourceError(f"{url}: {describe(error)}") from error
            _LOG.warning("%s: %s; trying again", url, describe(error))
            return None
        if found is None:
            _LOG.warning("%s: the topic does not exist; waiting for it", url)
        return found


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
