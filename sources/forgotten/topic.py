"""Users to forget, in a topic."""

from __future__ import annotations

import time as clocks
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from sources.errors import SourceError
from sources.follow.letters import LetterLog
from sources.follow.topic import TopicFollower
from sources.forgotten.rows import MAX_LINE, MAX_ROWS, schema_of
from sources.kafka.outputs import letters_of
from sources.kafka.url import KafkaUrl
from sources.parsing.kafka_values import parse_values
from transforms.histories.forgotten import ForgottenTimeline


@dataclass(frozen=True)
class ForgottenTopic:
    """Users to forget in a topic (`transforms.histories.forgotten.ForgottenSource`).

    Attributes:
        url: the topic.
        text_users: whether users are texts.
        max_future: how far a row may be ahead of the clock when it is read, in seconds.
    """

    url: KafkaUrl
    text_users: bool
    max_future: int

    def load(self) -> FollowedForgottenTopic:
        """Reads the topic up to its end.

        Raises:
            SourceError: it does not exist, or the broker refuses the user.
        """
        return FollowedForgottenTopic(self)


class FollowedForgottenTopic:
    """The records of a topic. Those without a value say nothing: compaction removes others by them.

    Args:
        source: the topic.
        clock: seconds since the epoch.
        sleep: waits for so many seconds.

    Raises:
        SourceError: the topic cannot be used.
    """

    def __init__(
        self,
        source: ForgottenTopic,
        clock: Callable[[], float] = clocks.time,
        sleep: Callable[[float], None] = clocks.sleep,
    ) -> None:
        self._source, self._clock = source, clock
        self._schema = schema_of(text_users=source.text_users, header=False)
        self.letters = LetterLog()
        self.timeline = ForgottenTimeline()
        self._topic = TopicFollower("--forget", source.url, self._add, clock, sleep)
        self._topic.catch_up()

    def at(self, time: int) -> ForgottenTimeline:
        """The tombstones, complete up to a time in seconds since the epoch."""
        self._topic.follow(time)
        return self.timeline

    def _add(self, records: list[Any]) -> None:
        given = [record for record in records if record.value is not None]
        if not given:
            return
        parsed = parse_values([record.value for record in given], MAX_LINE, self._schema)
        parsed = parsed.without_future(int(self._clock()) + self._source.max_future)
        place = np.array([record.offset for record in given], np.int64)[parsed.rows]
        events, partition = parsed.events, given[0].partition
        self.timeline.add(events.user, events.time, partition, place)
        topic = self._source.url.topic
        self.letters.add(
            letters_of(topic, partition, given, parsed.malformed, self._schema, MAX_LINE)
        )
        if len(self.timeline) > MAX_ROWS:
            raise SourceError(f"--forget {self._source.url}: more than {MAX_ROWS:,} users")
