"""The partitions of a topic, also those that are added while a job runs."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import apache_beam as beam
from apache_beam.io.iobase import WatermarkEstimator
from apache_beam.io.restriction_trackers import OffsetRange
from apache_beam.transforms.core import RestrictionProvider, WatermarkEstimatorProvider
from apache_beam.utils.timestamp import MIN_TIMESTAMP, Duration, Timestamp
from kafka.errors import KafkaError

from sources.errors import SourceError
from sources.kafka.consumers import NO_TOPIC_ID, is_other_topic
from sources.kafka.errors import PERMANENT, describe
from sources.kafka.partition import Partition
from sources.kafka.partitions import FOREVER, RETRY_SECONDS, UnsplittableTracker, list_partitions
from sources.kafka.url import KafkaUrl
from transforms.messages.events import TIME_LIMIT

_RESTRICTION = beam.DoFn.RestrictionParam()
_WATERMARK = beam.DoFn.WatermarkEstimatorParam()
_LOG = logging.getLogger(__name__)

WatchState = tuple[bool, bytes, int]
"""Whether the topic was found, its id, and the position of its partition 0."""


class WatchEstimator(WatermarkEstimator):
    """The watermark of the watch of a topic; its state remembers which topic was found.

    Args:
        found: whether the topic was found.
        topic_id: its id, 16 bytes.
        base: the position of its partition 0 in the restriction.
    """

    def __init__(self, found: bool, topic_id: bytes, base: int) -> None:
        self._state: WatchState = (found, topic_id, base)

    def current_watermark(self) -> Timestamp:
        """Once the topic is found it holds nothing back: each partition has its own watermark."""
        return Timestamp(TIME_LIMIT) if self._state[0] else MIN_TIMESTAMP

    def get_estimator_state(self) -> WatchState:
        """What is needed to continue from here."""
        return self._state

    def observe_timestamp(self, timestamp: Any) -> None:
        """Does nothing: elements have no event time."""

    def set_found(self, topic_id: bytes, base: int) -> None:
        """The topic was found; see the class."""
        self._state = (True, topic_id, base)


class WatchPartitions(beam.DoFn, RestrictionProvider, WatermarkEstimatorProvider):
    """Outputs a topic's partitions, and looks for new ones for ever.

    Its restriction's positions are partition numbers, so that each partition is output once. If
    the topic was deleted and created again, the positions of the new topic's partitions follow
    those of the old one, and they are read from their beginning. A topic that does not exist, or
    brokers that do not answer, are waited for, with warnings.

    Args:
        start: where to begin: `earliest`, `latest` or an ISO time.
        refresh: seconds between two looks.
    """

    def __init__(self, start: str, refresh: int) -> None:
        self.start = start
        self.refresh = refresh

    def initial_restriction(self, element: KafkaUrl) -> OffsetRange:
        """All positions."""
        return OffsetRange(0, FOREVER)

    def create_tracker(self, restriction: OffsetRange) -> UnsplittableTracker:
        """A tracker that is never split."""
        return UnsplittableTracker(restriction)

    def restriction_size(self, element: KafkaUrl, restriction: OffsetRange) -> float:
        """The work left: one look."""
        return 1.0

    def initial_estimator_state(self, element: KafkaUrl, restriction: OffsetRange) -> WatchState:
        """The topic was not found yet."""
        return False, NO_TOPIC_ID, 0

    def create_watermark_estimator(self, estimator_state: WatchState) -> WatchEstimator:
        """An estimator that continues from the state."""
        return WatchEstimator(*estimator_state)

    @beam.DoFn.unbounded_per_element()
    def process(
        self,
        element: KafkaUrl,
        tracker: Any = _RESTRICTION,
        watermark: Any = _WATERMARK,
    ) -> Iterator[Partition]:
        """The partitions that are new since the last look."""
        position = tracker.current_restriction().start
        _, known_id, base = watermark.get_estimator_state()
        partitions = self._look(element, position - base, known_id)
        if partitions:
            found_id = partitions[0].topic_id
            if is_other_topic(known_id, found_id):
                _LOG.warning("%s: the topic was created again; reading it from the start", element)
                base = position
            watermark.set_found(found_id, base)
        for partition in partitions or ():
            if not tracker.try_claim(base + partition.number):
                return
            yield partition
        wait = RETRY_SECONDS if partitions is None else self.refresh
        tracker.defer_remainder(Duration(wait))

    def _look(self, url: KafkaUrl, known: int, known_id: bytes) -> list[Partition] | None:
        try:
            found = list_partitions(url, self.start, False, known, known_id)
        except KafkaError as error:
            if isinstance(error, PERMANENT):
                raise SourceError(f"{url}: {describe(error)}") from error
            _LOG.warning("%s: %s; trying again", url, describe(error))
            return None
        if found is None:
            _LOG.warning("%s: the topic does not exist; waiting for it", url)
        return found
