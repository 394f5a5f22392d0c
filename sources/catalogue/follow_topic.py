"""A catalogue in a compacted Kafka topic, followed as it changes."""

from __future__ import annotations

import logging
import time as clocks
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sources.catalogue.values import CatalogueRecord, parse_records
from sources.errors import SourceError
from sources.follow.letters import LetterLog
from sources.follow.topic import TopicFollower
from sources.kafka.url import KafkaUrl
from transforms.catalogue.timeline import Timeline
from transforms.messages.availability import Availability

if TYPE_CHECKING:
    from sources.catalogue.changes import Listener

MAX_ITEMS = 20_000_000
"""Most items of a topic."""

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class TopicCatalogue:
    """A catalogue in a topic (`transforms.catalogue.source.CatalogueSource`).

    Attributes:
        url: the topic.
        start: start of the job, in seconds since the epoch.
        text_ids: whether items are texts.
        new_seconds: an item is new for so many seconds after it was created; 0 for no such items.
    """

    url: KafkaUrl
    start: int
    text_ids: bool = False
    new_seconds: int = 0

    def load(self, listener: Listener | None = None) -> FollowedTopic:
        """Reads the topic up to its end; a listener gets its rows.

        Raises:
            SourceError: it does not exist, or the broker refuses the user.
        """
        return FollowedTopic(self, listener=listener)


class FollowedTopic:
    """The records of a topic, read up to its end whenever a later time is asked for.

    While brokers do not answer, the answer waits for them: a list with an item that left the
    catalogue would be wrong.

    Args:
        source: the topic.
        clock: seconds since the epoch.
        sleep: waits for so many seconds.
        listener: gets the rows of the records.

    Raises:
        SourceError: the topic cannot be used.
    """

    def __init__(
        self,
        source: TopicCatalogue,
        clock: Callable[[], float] = clocks.time,
        sleep: Callable[[float], None] = clocks.sleep,
        listener: Listener | None = None,
    ) -> None:
        self._source, self._listener = source, listener
        self.letters = LetterLog()
        self.timeline = Timeline(source.start, source.new_seconds, source)
        self.malformed = 0
        self._topic = TopicFollower("--items", source.url, self._add, clock, sleep)
        self._topic.catch_up()

    @property
    def has_features(self) -> bool:
        """Whether an item has a category and a time of creation."""
        return self.timeline.has_features

    def at(self, time: int) -> Availability:
        """What is available at a time, in seconds since the epoch."""
        self._topic.follow(time)
        return self.timeline.at(time)

    def _add(self, records: list[Any]) -> None:
        rows = parse_records(
            [CatalogueRecord(r.key, r.value, r.timestamp, r.partition, r.offset) for r in records],
            self._source.url.topic,
            text_ids=self._source.text_ids,
        )
        self.letters.add(rows.letters)
        if rows.malformed:
            self.malformed += rows.malformed
            _LOG.warning(
                "--items %s: %d records are malformed so far", self._source.url, self.malformed
            )
        if self._listener and (len(rows) or rows.malformed):
            self._listener(rows, rows.updated, np.empty(0, np.int64), 0)
        source = self._source
        features = rows.features(text_ids=source.text_ids) if source.new_seconds else None
        self.timeline.add(rows.item, rows.updated, rows.available, features)
        if len(self.timeline) > MAX_ITEMS:
            raise SourceError(f"--items {self._source.url}: more than {MAX_ITEMS:,} items")
