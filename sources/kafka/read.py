"""The source for Kafka: the partitions of a topic, each read by a splittable DoFn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import apache_beam as beam

from sources.kafka.outputs import LATE
from sources.kafka.partition import Partition
from sources.kafka.partitions import list_bounded
from sources.kafka.read_partition import FollowPartition, ReadPartition
from sources.kafka.restrictions import ReaderConfig
from sources.kafka.watch_partitions import WatchPartitions
from sources.malformed import MALFORMED, TALLIES
from transforms.progress import SHARED_PROGRESS, ProgressCounters


@dataclass(frozen=True)
class TopicStart:
    """Where a read of a topic begins and ends.

    Attributes:
        start: `earliest`, `latest` or an ISO time.
        bounded: whether to end at the end offsets of the moment when the source is made.
        refresh: seconds between two looks for new partitions.
    """

    start: str = "earliest"
    bounded: bool = False
    refresh: int = 30


class ReadKafka(beam.PTransform):
    """Reads a topic.

    Args:
        config: the topic and how its values are handled.
        where: where to begin and end.
        progress: the job's counters.

    Raises:
        SourceError: the read is bounded, and no broker answers or the topic does not exist.
    """

    def __init__(
        self,
        config: ReaderConfig,
        where: TopicStart,
        progress: ProgressCounters = SHARED_PROGRESS,
    ) -> None:
        super().__init__()
        self.url = config.url
        self.partitions = list_bounded(self.url, where.start) if where.bounded else None
        self.watch = WatchPartitions(where.start, where.refresh)
        reader = ReadPartition if where.bounded else FollowPartition
        self.read = reader(config, progress)

    def expand(self, pbegin: beam.pvalue.PBegin) -> Any:
        """Four outputs: `events`, `malformed`, `late` and `tallies`."""
        if self.partitions is None:
            topic = pbegin | "Topic" >> beam.Create([self.url])
            partitions = topic | "Watch" >> beam.ParDo(self.watch).with_output_types(Partition)
        else:
            partitions = pbegin | "Partitions" >> beam.Create(self.partitions).with_output_types(
                Partition
            )
        outputs = (MALFORMED, LATE, TALLIES)
        return (
            partitions
            | "Spread" >> beam.Reshuffle()
            | "Read partition" >> beam.ParDo(self.read).with_outputs(*outputs, main="events")
        )
