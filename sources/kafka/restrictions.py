"""The restriction and the watermark of a partition's reader, as Beam's splittable DoFns have them.

A restriction is a range of offsets. It is never split: a partition has one reader.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from apache_beam.io.restriction_trackers import OffsetRange
from apache_beam.transforms.core import RestrictionProvider, WatermarkEstimatorProvider
from kafka import TopicPartition
from kafka.errors import KafkaError

from sources.kafka.batches import MAX_BATCH
from sources.kafka.consumers import ANSWER_MS, close_quietly
from sources.kafka.job_state import KafkaJobState, state_of
from sources.kafka.partition import Partition
from sources.kafka.partitions import FOREVER, UnsplittableTracker
from sources.kafka.url import KafkaUrl
from sources.kafka.watermark import EventTimeLimits, PartitionWatermark, WatermarkState, restored
from transforms.progress import ProgressCounters

if TYPE_CHECKING:
    from sources.schema.schema import Schema


@dataclass(frozen=True)
class ReaderConfig:
    """What a reader of partitions needs to know.

    Attributes:
        url: the topic.
        limits: how event time is handled.
        group: the consumer group that offsets are committed to.
        max_bytes: a longer value is a dead letter, in bytes.
        max_malformed: the largest share of malformed values that is accepted.
        schema: what the values' fields mean; None: they are an event's own.
        max_batch: a batch of records that is larger when it is decompressed is a dead letter, in
            bytes.
    """

    url: KafkaUrl
    limits: EventTimeLimits
    group: str = "rivulet"
    max_bytes: int = 1 << 20
    max_malformed: float = 1.0
    schema: Schema | None = None
    max_batch: int = MAX_BATCH


class PartitionRestrictions(RestrictionProvider, WatermarkEstimatorProvider):
    """The restrictions and watermarks of a topic's partitions.

    Args:
        config: the topic and how its values are handled.
        progress: the job's counters.
    """

    def __init__(self, config: ReaderConfig, progress: ProgressCounters) -> None:
        self.config = config
        self.url = config.url
        self.progress = progress

    def job_state(self) -> KafkaJobState:
        """What this process keeps for the job."""
        return state_of(self.progress, self.url, self.config.max_malformed)

    def initial_restriction(self, element: Partition) -> OffsetRange:
        """The offsets to read."""
        return OffsetRange(element.start, element.stop)

    def create_tracker(self, restriction: OffsetRange) -> UnsplittableTracker:
        """A tracker that is never split."""
        return UnsplittableTracker(restriction)

    def restriction_size(self, element: Partition, restriction: OffsetRange) -> float:
        """The lag: how many records there are still to read, 0 while no broker answers."""
        if restriction.stop != FOREVER:
            return float(restriction.size())
        where = TopicPartition(self.url.topic, element.number)
        consumers = self.job_state().consumers
        consumer = None
        try:
            consumer = consumers.acquire(self.url, element.number, restriction.start)
            end = consumer.end_offsets([where], ANSWER_MS)[where]
        except KafkaError:
            if consumer is not None:
                close_quietly(consumer)
            return 0.0
        consumers.release(self.url, element.number, restriction.start, consumer)
        return float(max(end - restriction.start, 0))

    def initial_estimator_state(
        self, element: Partition, restriction: OffsetRange
    ) -> WatermarkState:
        """No event was read yet."""
        return None, None

    def create_watermark_estimator(self, estimator_state: WatermarkState) -> PartitionWatermark:
        """An estimator that continues from the state."""
        limits = self.config.limits
        state = restored(limits, estimator_state, time.time())
        return PartitionWatermark(limits, *state)
