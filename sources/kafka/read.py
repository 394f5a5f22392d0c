"""The source for Kafka: a splittable DoFn with a restriction per partition.

A restriction's positions are offsets. It is read for about a second, in polls of thousands of
records that are parsed as columns; then the rest is put off, so that the runner can commit and
checkpoint. The watermark's state goes with it. Nothing rests on the offsets committed to Kafka.
"""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Iterator
from typing import Any

import apache_beam as beam
from apache_beam.io.restriction_trackers import OffsetRange
from apache_beam.metrics import Metrics
from apache_beam.transforms.core import RestrictionProvider, WatermarkEstimatorProvider
from apache_beam.transforms.window import TimestampedValue
from apache_beam.typehints import with_output_types
from apache_beam.utils.timestamp import Duration
from kafka import TopicPartition
from kafka.errors import KafkaError

from sources.errors import SourceError
from sources.files.read import MALFORMED
from sources.kafka.consumers import ANSWER_MS, CONSUMERS, shut
from sources.kafka.errors import REFUSED, words
from sources.kafka.pace import PACE, SOON_SECONDS
from sources.kafka.partition import Partition
from sources.kafka.partitions import (
    FOREVER,
    RETRY_SECONDS,
    EndlessTracker,
    WatchPartitions,
    list_bounded,
)
from sources.kafka.polls import is_at_end, poll
from sources.kafka.topic_time import topic_time
from sources.kafka.url import KafkaUrl
from sources.kafka.watermark import Lateness, PartitionWatermark
from sources.parsing.kafka_values import parse_values
from transforms.messages.dead_letters import DeadLetterBatch
from transforms.messages.events import EventBatch
from transforms.progress import SHARED_PROGRESS, ProgressCounters

LATE = "late"
TURN_SECONDS = 1.0
"""How long a restriction is read before the rest is put off."""

STREAM_TURN_SECONDS = 0.25
"""The same in a stream, whose watermark moves on between turns: what is due by then is done at
once, and no checkpoint is taken meanwhile."""

QUIET_SECONDS = 0.2
"""How long the rest is put off where nothing has come in a whole turn. Each time costs a checkpoint
of the restriction; a job server without our patches cuts this, and shorter pauses, off to 0, and
then a poll is the pause."""

RESTRICTION = beam.DoFn.RestrictionParam()
WATERMARK = beam.DoFn.WatermarkEstimatorParam()
_LOG = logging.getLogger(__name__)


class ReadKafka(beam.PTransform):
    """Reads a topic.

    Args:
        url: the topic.
        lateness: how time is dealt with.
        start: where to begin: `earliest`, `latest` or an ISO time.
        bounded: whether to end at the offsets of the moment when this is made.
        refresh: seconds from one look for new partitions to the next.
        group: the consumer group that offsets are committed to.
        progress: the job's counters.

    Raises:
        SourceError: the read is bounded, and no broker answers or the topic does not exist.
    """

    def __init__(
        self,
        url: KafkaUrl,
        lateness: Lateness,
        start: str,
        bounded: bool,
        refresh: int,
        group: str,
        progress: ProgressCounters = SHARED_PROGRESS,
    ) -> None:
        super().__init__()
        self.url = url
        self.partitions = list_bounded(url, start) if bounded else None
        self.watch = WatchPartitions(start, refresh)
        read = ReadPartition if bounded else FollowPartition
        self.read = read(url, lateness, group, progress)

    def expand(self, pbegin: beam.pvalue.PBegin) -> Any:
        """Three outputs: `events`, `malformed` and `late`."""
        if self.partitions is None:
            topic = pbegin | "Topic" >> beam.Create([self.url])
            partitions = topic | "Watch" >> beam.ParDo(self.watch).with_output_types(Partition)
        else:
            partitions = pbegin | "Partitions" >> beam.Create(self.partitions).with_output_types(
                Partition
            )
        return (
            partitions
            | "Spread" >> beam.Reshuffle()
            | "Read partition" >> beam.ParDo(self.read).with_outputs(MALFORMED, LATE, main="events")
        )


@with_output_types(EventBatch, malformed=DeadLetterBatch, late=EventBatch)
class ReadPartition(beam.DoFn, RestrictionProvider, WatermarkEstimatorProvider):
    """Reads a partition up to its stop.

    A batch's timestamp is the smallest time in it; late ones and dead letters bear the watermark
    at their arrival, so that no window drops them.

    Args:
        url: the topic.
        lateness: how time is dealt with.
        group: the consumer group that offsets are committed to.
        progress: the job's counters.
    """

    turn_seconds = TURN_SECONDS

    def __init__(
        self,
        url: KafkaUrl,
        lateness: Lateness,
        group: str,
        progress: ProgressCounters = SHARED_PROGRESS,
    ) -> None:
        self.progress = progress
        self.url = url
        self.lateness = lateness
        self.group = group
        self.lines = Metrics.counter("rivulet", "lines")
        self.events = Metrics.counter("rivulet", "events")
        self.malformed = Metrics.counter("rivulet", "malformed")

    def teardown(self) -> None:
        """Closes the consumers that are in nobody's hands."""
        CONSUMERS.close()

    def initial_restriction(self, element: Partition) -> OffsetRange:
        """The offsets to read."""
        return OffsetRange(element.start, element.stop)

    def create_tracker(self, restriction: OffsetRange) -> EndlessTracker:
        """One that is never cut in two."""
        return EndlessTracker(restriction)

    def restriction_size(self, element: Partition, restriction: OffsetRange) -> float:
        """The lag: how many records there are still to read, 0 while no broker says."""
        if restriction.stop != FOREVER:
            return float(restriction.size())
        where = TopicPartition(self.url.topic, element.number)
        consumer = None
        try:
            consumer = CONSUMERS.take(self.url, element.number, restriction.start)
            end = consumer.end_offsets([where], ANSWER_MS)[where]
        except KafkaError:
            if consumer is not None:
                shut(consumer)
            return 0.0
        CONSUMERS.give(self.url, element.number, restriction.start, consumer)
        return float(max(end - restriction.start, 0))

    def initial_estimator_state(
        self, element: Partition, restriction: OffsetRange
    ) -> tuple[int | None, float | None]:
        """Nothing seen yet."""
        return None, None

    def create_watermark_estimator(
        self, estimator_state: tuple[int | None, float | None]
    ) -> PartitionWatermark:
        """One that goes on from the state."""
        return PartitionWatermark(self.lateness, *estimator_state)

    def process(
        self,
        element: Partition,
        # Beam gives this one by position and the others by name, so that it must be first.
        finalizer: Any = beam.DoFn.BundleFinalizerParam,
        tracker: Any = RESTRICTION,
        watermark: Any = WATERMARK,
    ) -> Iterator[Any]:
        """What the partition holds, for a turn; the rest is put off."""
        position = tracker.current_restriction().start
        stop = tracker.current_restriction().stop
        if position >= stop:
            return
        number = element.number
        where = TopicPartition(self.url.topic, number)
        begun = position
        consumer = None
        until = time.monotonic() + self.turn_seconds
        try:
            consumer = CONSUMERS.take(self.url, number, position)
            while True:
                end, records = poll(consumer, self.url, number, position, stop)
                if end > position:
                    if not tracker.try_claim(end - 1):
                        return
                    yield from self._emit(number, records, watermark)
                    position = end
                if position >= stop:
                    break
                if is_at_end(consumer, where, position, stop, len(records)):
                    pause = self._pause(number, watermark)
                    if position == begun:
                        watermark.silent(time.time(), topic_time(self.url))
                        pause = QUIET_SECONDS
                    elif pause <= SOON_SECONDS and time.monotonic() + pause < until:
                        # Whoever comes back for it may come a third of a second too late.
                        time.sleep(pause)
                        continue
                    tracker.defer_remainder(Duration(pause))
                    break
                if time.monotonic() >= until:
                    tracker.defer_remainder()
                    break
            CONSUMERS.give(self.url, number, position, consumer)
            consumer = None
        except KafkaError as error:
            if isinstance(error, REFUSED):
                raise SourceError(f"{self.url}: {words(error)}") from error
            _LOG.warning("%s, partition %d: %s; trying again", self.url, number, words(error))
            tracker.defer_remainder(Duration(RETRY_SECONDS))
        finally:
            if consumer is not None:
                shut(consumer)
        if CONSUMERS.is_to_commit(self.url, number, position, position >= stop):
            finalizer.register(
                functools.partial(CONSUMERS.commit, self.url, self.group, number, position)
            )

    def _pause(self, number: int, watermark: Any) -> float:
        moved_to, _ = watermark.get_estimator_state()
        return PACE.pause((self.url, number), moved_to, time.monotonic())

    def _emit(self, number: int, records: list[Any], watermark: Any) -> Iterator[Any]:
        watermark.heard()
        parsed = parse_values([record.value for record in records])
        events = parsed.events
        self.lines.inc(len(records))
        self.events.inc(len(events))
        self.malformed.inc(len(parsed.malformed))
        self.progress.record_read(events.time, len(parsed.malformed))
        if len(events):
            late = watermark.late(events.time)
            largest = int(events.time.max())
            if late.any():
                batch = events.take(late)
                yield _tagged(LATE, batch, watermark)
                events = events.take(~late)
            if len(events):
                yield TimestampedValue(events, int(events.time.min()))
            watermark.follow(largest)
        if len(parsed.malformed):
            found = [records[row] for row in parsed.malformed.row.tolist()]
            letters = DeadLetterBatch.of_columns(
                [f"{self.url.topic}/{number}/{record.offset}" for record in found],
                parsed.malformed.reasons(),
                [(record.value or b"").decode("utf-8", "backslashreplace") for record in found],
                parsed.malformed.times(),
            )
            yield _tagged(MALFORMED, letters, watermark)


def _tagged(tag: str, value: Any, watermark: Any) -> beam.pvalue.TaggedOutput:
    return beam.pvalue.TaggedOutput(tag, TimestampedValue(value, watermark.current_watermark()))


class FollowPartition(ReadPartition):
    """Reads a partition for ever."""

    turn_seconds = STREAM_TURN_SECONDS

    @beam.DoFn.unbounded_per_element()
    def process(
        self,
        element: Partition,
        # Beam gives this one by position and the others by name, so that it must be first.
        finalizer: Any = beam.DoFn.BundleFinalizerParam,
        tracker: Any = RESTRICTION,
        watermark: Any = WATERMARK,
    ) -> Iterator[Any]:
        """What the partition holds, for a turn; the rest is put off."""
        yield from super().process(element, finalizer, tracker, watermark)
