"""Rewards of the lists that impressions say were shown (spec section 5).

A stateful DoFn, keyed by shard, after the policy. It keeps the shard's work units until all
impressions before their end have arrived, which an event-time timer tells, and then processes them
in order. So recommendations never wait for impressions; feedback does.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
from apache_beam.transforms.timeutil import TimeDomain
from apache_beam.transforms.userstate import (
    BagStateSpec,
    ReadModifyWriteStateSpec,
    TimerSpec,
    on_timer,
)

from transforms.columns.frames import FrameCoder
from transforms.feedback.reward_recommendations import Rewarded
from transforms.feedback.rules import RewardRules
from transforms.feedback.shown import Shown
from transforms.feedback.state import FeedbackState, FeedbackStateCoder
from transforms.feedback.step import Credit, FeedbackStep
from transforms.messages.events import EventBatch
from transforms.messages.feedback import Feedback
from transforms.messages.minutes import PolicyMinutes
from transforms.messages.ranking import RankedBatch
from transforms.progress import SHARED_PROGRESS, ProgressCounters

_UNIT, _IMPRESSIONS = 0, 1
_HEADER = struct.Struct("<Bqq")
"""The kind, and a unit's sequence number and end, or the last time of impressions, twice."""

_UNIT_CODER, _IMPRESSION_CODER = FrameCoder(RankedBatch), FrameCoder(EventBatch)

SLACK = 3600
"""Seconds after a reward window for which impressions of a shard without work units are kept."""

FILE_SPAN = 86_400
"""Seconds of event time of files whose work units are processed at a time: all of a file's timers
fire when it is read, and each reads the units that are kept."""


@dataclass(eq=False)
class CreditImpressions(beam.PTransform):
    """((shard, RankedBatch), (shard, impressions)) to the rewards of the lists that were shown.

    Impressions are closed blocks of `EventBatch`es with ranking times as items.

    Attributes:
        rules: how rewards are earned.
        bounded: whether events and impressions are files, whose watermark advances once.
        keep_log: whether to emit the feedback.
        progress: the job's counters.
    """

    rules: RewardRules
    bounded: bool = False
    keep_log: bool = False
    progress: ProgressCounters = SHARED_PROGRESS

    def expand(
        self,
        inputs: tuple[
            beam.PCollection[tuple[int, RankedBatch]], beam.PCollection[tuple[int, EventBatch]]
        ],
    ) -> Rewarded:
        """Merge units and impressions by shard, and reward."""
        batches, impressions = inputs
        units = batches | "Encode units" >> beam.MapTuple(encoded_unit).with_output_types(
            tuple[int, bytes]
        )
        shown = impressions | "Encode impressions" >> beam.MapTuple(
            encoded_impressions
        ).with_output_types(tuple[int, bytes])
        credit = CreditBatches(self.rules, self.bounded, self.keep_log, self.progress)
        outputs = (
            (units, shown)
            | "Units and impressions" >> beam.Flatten()
            | "Credit" >> beam.ParDo(credit).with_outputs("feedback", "minutes", main="none")
        )
        return Rewarded(outputs.none, outputs.feedback, outputs.minutes)


def encoded_unit(shard: int, batch: RankedBatch) -> tuple[int, bytes]:
    """A work unit as it is kept in state."""
    unit = batch.unit
    header = _HEADER.pack(_UNIT, unit.sequence, unit.complete_until)
    return shard, header + _UNIT_CODER.encode(batch)


def encoded_impressions(shard: int, impressions: EventBatch) -> tuple[int, bytes]:
    """Impressions, at least one, as they are kept in state; users are compared by their keys."""
    last = int(impressions.time.max())
    body = _IMPRESSION_CODER.encode(EventBatch(*impressions.columns()))
    return shard, _HEADER.pack(_IMPRESSIONS, last, last) + body


@beam.typehints.with_input_types(tuple[int, bytes])
@beam.typehints.with_output_types(
    RankedBatch, feedback=tuple[int, Feedback], minutes=tuple[int, PolicyMinutes]
)
class CreditBatches(beam.DoFn):
    """Keeps a shard's work units and impressions, and emits the rewards.

    Args:
        rules: how rewards are earned.
        bounded: whether events and impressions are files.
        keep_log: whether to emit the feedback.
        progress: the job's counters.
    """

    STATE = ReadModifyWriteStateSpec("feedback", FeedbackStateCoder())
    SHOWN = ReadModifyWriteStateSpec("shown", FrameCoder(Shown))
    UNITS = BagStateSpec("work_units", beam.coders.BytesCoder())
    IMPRESSIONS = BagStateSpec("impressions", beam.coders.BytesCoder())
    COMPLETE = TimerSpec("complete", TimeDomain.WATERMARK)

    def __init__(
        self,
        rules: RewardRules,
        bounded: bool,
        keep_log: bool,
        progress: ProgressCounters = SHARED_PROGRESS,
    ) -> None:
        self._step = FeedbackStep(rules, keep_log, progress, Credit.SHOWN)
        self._bounded, self._window = bounded, rules.window
        self._count = progress.metric("impressions_in_window")

    def process(
        self,
        element: tuple[int, bytes],
        units: Any = beam.DoFn.StateParam(UNITS),
        impressions: Any = beam.DoFn.StateParam(IMPRESSIONS),
        timers: Any = beam.DoFn.TimerParam(COMPLETE),
    ) -> None:
        """Keeps a unit or impressions, and sets a timer."""
        kind, _, end = _HEADER.unpack_from(element[1])
        if kind == _UNIT:
            units.add(element[1])
            span = FILE_SPAN if self._bounded else 1
            time = -(-end // span) * span
        else:
            impressions.add(element[1])
            if self._bounded:
                return
            time = ((end + self._window + SLACK) // SLACK + 1) * SLACK
        timers.set(time, dynamic_timer_tag=str(time))

    @on_timer(COMPLETE)
    def fire(
        self,
        shard: int = beam.DoFn.KeyParam,
        tag: str = beam.DoFn.DynamicTimerTagParam,
        feedback_state: Any = beam.DoFn.StateParam(STATE),
        shown_state: Any = beam.DoFn.StateParam(SHOWN),
        units: Any = beam.DoFn.StateParam(UNITS),
        impressions: Any = beam.DoFn.StateParam(IMPRESSIONS),
    ) -> Iterator[Any]:
        """Processes the units that end up to the timer's time; earlier timers then find it done."""
        time = int(tag)
        state = feedback_state.read() or FeedbackState()
        kept = {}
        for encoded in units.read():
            _, sequence, end = _HEADER.unpack_from(encoded)
            kept[sequence] = end, encoded
        is_ready = kept.get(state.next_sequence, (time + 1,))[0] <= time
        if not is_ready and (self._bounded or time % SLACK):
            return
        shown = self._shown(shown_state, impressions)
        while state.next_sequence in kept and kept[state.next_sequence][0] <= time:
            _, encoded = kept.pop(state.next_sequence)
            batch = _UNIT_CODER.decode(memoryview(encoded)[_HEADER.size :])
            state = yield from self._step.process(shard, state, batch, shown)
            shown = shown.without(batch.unit.tombstones)
        if is_ready:
            units.clear()
            for _, encoded in kept.values():
                units.add(encoded)
            feedback_state.write(state)
        # A list whose window ends by then has earned all, or there is no such list.
        past = state.complete_until - self._window
        if not self._bounded:
            past = max(past, time - self._window - SLACK)
        shown_state.write(shown.after(past))

    def _shown(self, state: Any, impressions: Any) -> Shown:
        shown = state.read() or Shown.nothing()
        parts = [
            _IMPRESSION_CODER.decode(memoryview(encoded)[_HEADER.size :])
            for encoded in impressions.read()
        ]
        if parts:
            impressions.clear()
            shown, count = shown.with_impressions(EventBatch.concat(parts), self._window)
            self._count.inc(count)
        return shown
