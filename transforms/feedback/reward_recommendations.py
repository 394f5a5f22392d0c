"""Rewards recommendations by the events after them (spec sections 4 and 5).

A stateful DoFn, keyed by shard, after the policy. Its input are the shard's work units, each with
recommendations and the same users' events. It processes them in the order of their sequence
numbers. Its results are therefore determined by the data alone: it has no timers, and does not
depend on the watermark.

A recommendation's `last_reward` is known when the recommendation arrives: it counts what the user
did with the previous one. What a recommendation earned is known when its reward window is over.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import apache_beam as beam
from apache_beam.transforms.userstate import BagStateSpec, ReadModifyWriteStateSpec

from transforms.columns.frames import FrameCoder
from transforms.feedback.rules import RewardRules
from transforms.feedback.state import FeedbackState, FeedbackStateCoder
from transforms.feedback.step import Credit, FeedbackStep
from transforms.messages.feedback import Feedback
from transforms.messages.minutes import PolicyMinutes
from transforms.messages.ranking import RankedBatch
from transforms.progress import SHARED_PROGRESS, ProgressCounters


class Rewarded(NamedTuple):
    """Outputs of `RewardRecommendations`.

    Attributes:
        recommendations: the recommendations with their `last_reward`.
        feedback: (shard, recommendations with their rewards), when their reward window is over;
            empty where no feedback log is kept.
        minutes: (span, the shard's sums by policy and minute), each minute once per shard. A span
            is the first second of a minute, or for files of an hour.
    """

    recommendations: beam.PCollection[RankedBatch]
    feedback: beam.PCollection[tuple[int, Feedback]]
    minutes: beam.PCollection[tuple[int, PolicyMinutes]]


@dataclass(eq=False)
class RewardRecommendations(beam.PTransform):
    """(shard, RankedBatch) to the rewards of the recommendations.

    Attributes:
        rules: how rewards are earned.
        keep_log: whether to emit the feedback.
        progress: the job's counters.
        credit: which lists count as shown.
    """

    rules: RewardRules
    keep_log: bool = False
    progress: ProgressCounters = SHARED_PROGRESS
    credit: Credit = Credit.CHANGED

    def expand(self, batches: beam.PCollection[tuple[int, RankedBatch]]) -> Rewarded:
        """Reward."""
        reward = RewardBatches(self.rules, self.keep_log, self.progress, self.credit)
        outputs = batches | "Reward" >> beam.ParDo(reward).with_outputs(
            "feedback", "minutes", main="recommendations"
        )
        return Rewarded(outputs.recommendations, outputs.feedback, outputs.minutes)


@beam.typehints.with_input_types(tuple[int, RankedBatch])
@beam.typehints.with_output_types(
    RankedBatch, feedback=tuple[int, Feedback], minutes=tuple[int, PolicyMinutes]
)
class RewardBatches(beam.DoFn):
    """Keeps a shard's open recommendations and emits their rewards.

    Args:
        rules: how rewards are earned.
        keep_log: whether to emit the feedback.
        progress: the job's counters.
        credit: which lists count as shown.
    """

    STATE = ReadModifyWriteStateSpec("feedback", FeedbackStateCoder())
    EARLY = BagStateSpec("early_work_units", FrameCoder(RankedBatch))

    def __init__(
        self,
        rules: RewardRules,
        keep_log: bool,
        progress: ProgressCounters = SHARED_PROGRESS,
        credit: Credit = Credit.CHANGED,
    ) -> None:
        self._step = FeedbackStep(rules, keep_log, progress, credit)

    def process(
        self,
        element: tuple[int, RankedBatch],
        feedback_state: Any = beam.DoFn.StateParam(STATE),
        early: Any = beam.DoFn.StateParam(EARLY),
    ) -> Iterator[Any]:
        """Processes a work unit and those after it that arrived early, or keeps it for later."""
        shard, batch = element
        state = feedback_state.read() or FeedbackState()
        if batch.unit.sequence > state.next_sequence:
            early.add(batch)
            feedback_state.write(replace(state, early=state.early + 1))
            return
        batches = {batch.unit.sequence: batch}
        if state.early:
            batches |= {other.unit.sequence: other for other in early.read()}
        while (following := batches.pop(state.next_sequence, None)) is not None:
            state = yield from self._step.process(shard, state, following)
        if state.early:
            early.clear()
            for other in batches.values():
                early.add(other)
        feedback_state.write(replace(state, early=len(batches)))
