"""The reader of a Kafka partition: a splittable DoFn whose restriction is a range of offsets.

It reads for about a second, in polls of thousands of records that are parsed as columns. Then it
defers the remainder, so that the runner can take a checkpoint. The watermark's state is part of
the checkpoint. Offsets that are committed to Kafka are for tools that show the lag.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import time
from collections.abc import Iterator
from typing import Any

import apache_beam as beam
from apache_beam.typehints import with_output_types
from apache_beam.utils.timestamp import Duration
from kafka import TopicPartition
from kafka.errors import KafkaError, UnknownTopicOrPartitionError

from sources.errors import SourceError
from sources.kafka.batches import TooManyBytesError
from sources.kafka.consumers import close_quietly
from sources.kafka.errors import PERMANENT, describe
from sources.kafka.job_state import KafkaJobState, state_of
from sources.kafka.outputs import RecordOutputs
from sources.kafka.partition import Partition
from sources.kafka.partitions import FOREVER, RETRY_SECONDS
from sources.kafka.poll_delay import SHORTEST_SECONDS
from sources.kafka.polls import TopicReplacedError, is_at_end, poll
from sources.kafka.restrictions import PartitionRestrictions, ReaderConfig
from sources.kafka.url import KafkaUrl
from sources.kafka.watermark import (
    is_future,
)
from sources.malformed import MalformedTally
from transforms.messages.dead_letters import DeadLetterBatch
from transforms.messages.events import EventBatch
from transforms.progress import SHARED_PROGRESS, ProgressCounters

TURN_SECONDS = 1.0
"""How long a bounded read processes a restriction before it defers the remainder."""

STREAM_TURN_SECONDS = 0.25
"""The same for a stream. Its watermark advances only between two turns, and with it all timers."""

IDLE_DELAY_SECONDS = 0.2
"""The delay after a turn without records. Each deferral costs a checkpoint of the restriction. A
job server without Rivulet's patches reduces this and shorter delays to 0; the poll is the delay
then."""

MISSES = 3
"""A bounded read fails when its topic was missing so many times in a row. A broker that has just
started may not know its topics for a moment."""

RESTRICTION = beam.DoFn.RestrictionParam()
WATERMARK = beam.DoFn.WatermarkEstimatorParam()
_LOG = logging.getLogger(__name__)


@with_output_types(EventBatch, malformed=DeadLetterBatch, late=EventBatch, tallies=MalformedTally)
class ReadPartition(beam.DoFn, PartitionRestrictions):
    """Reads a partition up to its stop.

    A batch's timestamp is the smallest time in it. Late events and dead letters have the
    watermark at their arrival as their timestamp, so that no window drops them.

    Args:
        config: the topic and how its values are handled.
        progress: the job's counters.
    """

    turn_seconds = TURN_SECONDS
    is_bounded = True

    def __init__(self, config: ReaderConfig, progress: ProgressCounters = SHARED_PROGRESS) -> None:
        PartitionRestrictions.__init__(self, config, progress)
        self.outputs = RecordOutputs(
            config.url.topic,
            config.limits.max_future,
            config.max_bytes,
            progress,
            tallied=self.is_bounded,
            schema=config.schema,
        )
        self.expired = progress.metric("expired")

    def teardown(self) -> None:
        """Closes the connections that no bundle is using."""
        self.job_state().close()

    def process(
        self,
        element: Partition,
        # Beam passes this one by position and the others by name, so that it must come first.
        finalizer: Any = beam.DoFn.BundleFinalizerParam,
        tracker: Any = RESTRICTION,
        watermark: Any = WATERMARK,
    ) -> Iterator[Any]:
        """What the partition holds, for one turn; the remainder is deferred."""
        start = position = tracker.current_restriction().start
        stop = tracker.current_restriction().stop
        if position >= stop:
            return
        state = self.job_state()
        if (element.number, element.topic_id) in state.replaced:
            self._stay_idle(state, tracker, watermark)
            return
        self._warn_of_future(state, element.number, watermark)
        where = TopicPartition(self.url.topic, element.number)
        consumer = None
        until = time.monotonic() + self.turn_seconds
        try:
            consumer = state.consumers.acquire(self.url, element.number, position)
            while True:
                polled = poll(consumer, self.url, element, position, stop, self.config.max_batch)
                state.misses.pop(element.number, None)
                if polled.end > position:
                    if not tracker.try_claim(polled.end - 1):
                        return
                    self._count_expired(polled.expired)
                    yield from self.outputs.of(
                        element.number, polled.records, watermark, state.first_lines
                    )
                    position = polled.end
                if position >= stop:
                    break
                if is_at_end(consumer, where, position, stop, len(polled.records)):
                    delay = self._delay(state, element.number, watermark)
                    if position == start:
                        topic = state.watch(
                            self.url, self.config.limits.max_future, self.config.schema
                        )
                        watermark.set_idle(time.time(), topic.now())
                        delay = IDLE_DELAY_SECONDS
                    elif delay <= SHORTEST_SECONDS and time.monotonic() + delay < until:
                        # A deferred restriction may resume up to a third of a second too late.
                        time.sleep(delay)
                        continue
                    tracker.defer_remainder(Duration(delay))
                    break
                if time.monotonic() >= until:
                    tracker.defer_remainder()
                    break
            state.consumers.release(self.url, element.number, position, consumer)
            consumer = None
        except TopicReplacedError:
            if self.is_bounded:
                raise
            state.replaced.add((element.number, element.topic_id))
            self._stay_idle(state, tracker, watermark)
            return
        except TooManyBytesError:
            tracker.defer_remainder()  # The consumer is closed, and another one reads on.
        except KafkaError as error:
            self._retry_later(state, element, tracker, error)
        finally:
            if consumer is not None:
                close_quietly(consumer)
        if state.consumers.is_to_commit(self.url, element.number, position, position >= stop):
            commit = functools.partial(
                _commit, self.progress, self.url, self.config.group, element.number, position
            )
            finalizer.register(commit)

    def _delay(self, state: KafkaJobState, number: int, watermark: Any) -> float:
        value, _ = watermark.get_estimator_state()
        return state.delays.next_delay(number, value, time.monotonic())

    def _stay_idle(self, state: KafkaJobState, tracker: Any, watermark: Any) -> None:
        """Reads nothing: the partition's topic was replaced, and another reader has the new one.

        The restriction stays, since a reader that ended would not hold the watermark until the
        new partitions are being read.
        """
        with contextlib.suppress(KafkaError):
            topic = state.watch(self.url, self.config.limits.max_future, self.config.schema).now()
            watermark.set_idle(time.time(), topic)
        tracker.defer_remainder(Duration(RETRY_SECONDS))

    def _count_expired(self, expired: int) -> None:
        if expired:
            self.expired.inc(expired)
            self.progress.add("expired", expired)

    def _retry_later(
        self, state: KafkaJobState, element: Partition, tracker: Any, error: KafkaError
    ) -> None:
        """Defers the remainder after an error that may pass.

        Raises:
            SourceError: a retry does not help.
        """
        if isinstance(error, PERMANENT):
            raise SourceError(f"{self.url}: {describe(error)}") from error
        if isinstance(error, UnknownTopicOrPartitionError):
            misses = state.misses[element.number] = state.misses.get(element.number, 0) + 1
            if tracker.current_restriction().stop != FOREVER and misses >= MISSES:
                raise SourceError(
                    f"{self.url}: the topic was deleted before it was read to its end"
                ) from error
            _LOG.warning("%s: the topic does not exist; waiting for it", self.url)
        else:
            _LOG.warning(
                "%s, partition %d: %s; trying again", self.url, element.number, describe(error)
            )
        tracker.defer_remainder(Duration(RETRY_SECONDS))

    def _warn_of_future(self, state: KafkaJobState, number: int, watermark: Any) -> None:
        value, _ = watermark.get_estimator_state()
        if is_future(self.config.limits, value, time.time()) and state.is_first_warning(number):
            _LOG.warning(
                "%s, partition %d: the restored watermark is %d s ahead of the clock, so that "
                "events are late; --reset_watermark drops it",
                self.url,
                number,
                value - int(time.time()),
            )


def _commit(
    progress: ProgressCounters, url: KafkaUrl, group: str, number: int, position: int
) -> None:
    state_of(progress, url).consumers.commit(url, group, number, position)


class FollowPartition(ReadPartition):
    """Reads a partition for ever."""

    turn_seconds = STREAM_TURN_SECONDS
    is_bounded = False

    @beam.DoFn.unbounded_per_element()
    def process(
        self,
        element: Partition,
        # Beam passes this one by position and the others by name, so that it must come first.
        finalizer: Any = beam.DoFn.BundleFinalizerParam,
        tracker: Any = RESTRICTION,
        watermark: Any = WATERMARK,
    ) -> Iterator[Any]:
        """What the partition holds, for one turn; the remainder is deferred."""
        yield from super().process(element, finalizer, tracker, watermark)
