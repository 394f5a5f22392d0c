"""A partition's watermark: the largest event time read, minus the allowed out-of-orderness."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from apache_beam.io.iobase import WatermarkEstimator
from apache_beam.utils.timestamp import MIN_TIMESTAMP, Timestamp

from sources.kafka.topic_time import TopicTime
from sources.parsing.malformed import Bools, Int64s

TIMER_MARGIN = 0.001
"""Seconds added to the watermark. Flink fires a timer for T only once the watermark exceeds T.
Event times are whole seconds, so that without the margin a timer would fire a second later. An
event at T that follows is not late: its window ends after T."""

WatermarkState = tuple[int | None, float | None]
"""A watermark in seconds of event time, and since when its partition is idle (clock, seconds)."""


class EventTimeLimits(NamedTuple):
    """How event time is handled, in seconds.

    Attributes:
        out_of_orderness: by how much the watermark is less than the largest event time read.
        allowed_lateness: an event that is older than the watermark by more is late at once.
        idle: a partition without new records for so long follows the topic's newest event.
        silence: a whole topic without new records for so long follows the clock; 0 for never.
        max_future: an event that is further ahead of the clock is a dead letter.
        reset_watermark: whether a restored watermark further ahead than `max_future` is dropped.
    """

    out_of_orderness: int
    allowed_lateness: int
    idle: int
    silence: int = 0
    max_future: int = 300
    reset_watermark: bool = False


class PartitionWatermark(WatermarkEstimator):
    """The watermark of one partition; its state is kept with the partition's restriction.

    The runner reads it from another thread, always under Beam's lock.

    Args:
        limits: how event time is handled.
        watermark: its value in seconds of event time, or None before the first event.
        idle_since: since when (clock, seconds) the partition is known to have no more records,
            or None while it has.
    """

    def __init__(
        self, limits: EventTimeLimits, watermark: int | None, idle_since: float | None
    ) -> None:
        self._limits = limits
        self._watermark = watermark
        self._idle_since = idle_since

    def current_watermark(self) -> Timestamp:
        """No event before this time is expected; never None, so that a runner holds it."""
        if self._watermark is None:
            return MIN_TIMESTAMP
        return Timestamp(self._watermark + TIMER_MARGIN)

    def get_estimator_state(self) -> WatermarkState:
        """What is needed to continue from here."""
        return self._watermark, self._idle_since

    def observe_timestamp(self, timestamp: Any) -> None:
        """Does nothing: the watermark follows all events of a poll, not the batch's timestamp."""

    def late(self, times: Int64s) -> Bools:
        """Which events, in the partition's order, are late at once.

        Each is compared with the watermark at its own arrival, so that the answer does not
        depend on how the events are divided into polls.
        """
        floor = np.maximum.accumulate(times) - self._limits.out_of_orderness
        if self._watermark is not None:
            floor = np.maximum(floor, self._watermark)
        return times < floor - self._limits.allowed_lateness

    def advance(self, largest: int) -> None:
        """Moves on to the largest time of the events read, in seconds."""
        self._raise(largest - self._limits.out_of_orderness)

    def set_active(self) -> None:
        """The partition has records: it is not idle."""
        self._idle_since = None

    def set_idle(self, now: float, topic: TopicTime) -> None:
        """The partition is known to have no more records at this moment of the clock.

        After the idle timeout it follows the topic's newest event; a topic without events has
        no time yet.
        """
        if self._idle_since is None:
            self._idle_since = now
        if topic.newest is None or now - self._idle_since < self._limits.idle:
            return
        moment = topic.newest
        if 0 < self._limits.silence <= now - topic.unchanged_since:
            moment = max(moment, int(now))
        self._raise(moment - self._limits.out_of_orderness)

    def _raise(self, watermark: int) -> None:
        if self._watermark is None or watermark > self._watermark:
            self._watermark = watermark


def restored(limits: EventTimeLimits, state: WatermarkState, now: float) -> WatermarkState:
    """The state of a watermark to continue from, after a restart or the bundle before.

    A watermark from the future makes every event late. With `reset_watermark` it is dropped, and
    the partition begins with the next event that it reads.

    Args:
        limits: how event time is handled.
        state: the state as it was saved.
        now: the clock, in seconds since the epoch.
    """
    watermark, idle_since = state
    if limits.reset_watermark and is_future(limits, watermark, now):
        return None, idle_since
    return state


def is_future(limits: EventTimeLimits, watermark: int | None, now: float) -> bool:
    """Whether a watermark is further ahead of the clock than any accepted event's could be."""
    return watermark is not None and watermark > now + limits.max_future
