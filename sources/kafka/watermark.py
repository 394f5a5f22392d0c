"""A partition's watermark: the largest time seen, less the out-of-orderness allowed."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from apache_beam.io.iobase import WatermarkEstimator
from apache_beam.utils.timestamp import MIN_TIMESTAMP, Timestamp

from sources.kafka.topic_time import TopicTime
from sources.parsing.malformed import Bools, Int64s

JUST_BEHIND = 0.001
"""Seconds that are added to a watermark of whole seconds, as event times are. Flink fires a timer
at T when the watermark is behind T, not when it is there: that would be a second later. An event
at T that follows is no earlier for it: its window ends later."""


class Lateness(NamedTuple):
    """How time is dealt with, in seconds.

    Attributes:
        out_of_orderness: how far the watermark stays behind the largest time seen.
        allowed: how far behind the watermark an event may be without being late at once.
        idle: a partition silent for so long follows the topic's newest event.
        silence: a whole topic silent for so long follows the clock; 0 for never.
    """

    out_of_orderness: int
    allowed: int
    idle: int
    silence: int = 0


class PartitionWatermark(WatermarkEstimator):
    """The watermark of one partition; its state goes with the partition's restriction.

    The runner asks another thread's questions of it: it is only called under Beam's lock.

    Args:
        lateness: how time is dealt with.
        watermark: where it stands, in seconds, or None before the first event.
        silent_since: since when (seconds of the clock) the partition is known to hold nothing
            more, or None while it does.
    """

    def __init__(
        self, lateness: Lateness, watermark: int | None, silent_since: float | None
    ) -> None:
        self._lateness = lateness
        self._watermark = watermark
        self._silent_since = silent_since

    def current_watermark(self) -> Timestamp:
        """No later event is expected before this time; never None, so that a runner holds it."""
        return (
            MIN_TIMESTAMP if self._watermark is None else Timestamp(self._watermark + JUST_BEHIND)
        )

    def get_estimator_state(self) -> tuple[int | None, float | None]:
        """What is needed to go on from here."""
        return self._watermark, self._silent_since

    def observe_timestamp(self, timestamp: Any) -> None:
        """Nothing: the watermark follows all events of a poll, not the batch's timestamp."""

    def late(self, times: Int64s) -> Bools:
        """Which events, in the partition's order, come too late for anything but the records.

        Each is compared with the watermark at its own arrival, so that the answer does not hang
        on how the events were polled.
        """
        floor = np.maximum.accumulate(times) - self._lateness.out_of_orderness
        if self._watermark is not None:
            floor = np.maximum(floor, self._watermark)
        return times < floor - self._lateness.allowed

    def follow(self, largest: int) -> None:
        """Moves on to the largest time of what was read."""
        self._raise(largest - self._lateness.out_of_orderness)

    def heard(self) -> None:
        """Something came: the partition is not silent."""
        self._silent_since = None

    def silent(self, now: float, topic: TopicTime) -> None:
        """The partition is known to hold nothing more at this moment of the clock.

        After its time it follows the topic's newest event; a topic without one has no time yet.
        """
        if self._silent_since is None:
            self._silent_since = now
        if topic.newest is None or now - self._silent_since < self._lateness.idle:
            return
        moment = topic.newest
        if 0 < self._lateness.silence <= now - topic.still_since:
            moment = max(moment, int(now))
        self._raise(moment - self._lateness.out_of_orderness)

    def _raise(self, watermark: int) -> None:
        if self._watermark is None or watermark > self._watermark:
            self._watermark = watermark
