"""Rewards recommendations by the events after them (spec sections 4 and 5).

A stateful DoFn, keyed by shard, after the policy. Its input are the shard's work units, each with
recommendations and the same users' events. It processes them in the order of their sequence
numbers. Its results are therefore determined by the data alone: it has no timers, and does not
depend on the watermark.

A recommendation's `last_reward` is known when the recommendation arrives: it counts what the user
did with the previous one. What a recommendation earned is known when its reward window is over.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import apache_beam as beam
import numpy as np
from apache_beam.metrics import Metrics
from apache_beam.transforms.userstate import BagStateSpec, ReadModifyWriteStateSpec
from apache_beam.transforms.window import TimestampedValue

from transforms.columns.frames import FrameCoder
from transforms.columns.packing import order
from transforms.columns.ranges import runs
from transforms.feedback.open_table import OpenTable
from transforms.feedback.rules import RewardRules
from transforms.feedback.state import FeedbackState, FeedbackStateCoder
from transforms.messages.events import Bools
from transforms.messages.feedback import Feedback
from transforms.messages.minutes import MINUTE, Float64s, PolicyMinutes
from transforms.messages.ranking import LAST_USER, RankedBatch, WorkUnit
from transforms.progress import SHARED_PROGRESS, ProgressCounters

_HOUR = 3600


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
    """

    rules: RewardRules
    keep_log: bool = False
    progress: ProgressCounters = SHARED_PROGRESS

    def expand(self, batches: beam.PCollection[tuple[int, RankedBatch]]) -> Rewarded:
        """Reward."""
        reward = RewardBatches(self.rules, self.keep_log, self.progress)
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
    """

    STATE = ReadModifyWriteStateSpec("feedback", FeedbackStateCoder())
    EARLY = BagStateSpec("early_work_units", FrameCoder(RankedBatch))

    def __init__(
        self, rules: RewardRules, keep_log: bool, progress: ProgressCounters = SHARED_PROGRESS
    ) -> None:
        self._rules, self._keep_log, self._progress = rules, keep_log, progress
        self._hits = {
            name: Metrics.counter("rivulet", f"hits_{name}") for name in ("policy", "popular")
        }
        self._rewards = {
            name: Metrics.counter("rivulet", f"reward_{name}") for name in ("policy", "popular")
        }
        self._state_bytes = Metrics.distribution("rivulet", "feedback_state_bytes")

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
            state = yield from self._process_unit(shard, state, following)
        if state.early:
            early.clear()
            for other in batches.values():
                early.add(other)
        feedback_state.write(replace(state, early=len(batches)))

    def _process_unit(
        self, shard: int, state: FeedbackState, batch: RankedBatch
    ) -> Generator[Any, None, FeedbackState]:
        """Emits a unit's recommendations and the rewards that are known after it."""
        unit = batch.unit
        state, batch = state.with_policies_of(batch)
        held, state = state.take_users(unit.last_user)
        table = OpenTable.opened(batch, keep_log=self._keep_log)
        if len(held):
            table = OpenTable.joined([held, table]).ordered() if len(table) else held
        # Rows after the previous step are the unit's own.
        is_new = table.time > state.complete_until if len(held) else np.ones(len(table), bool)
        table = table.replaced(
            closed=table.closed | (is_new & table.repeats(self._rules.memory))
        ).apply(unit.events, self._rules.window, self._rules.rewards)
        if len(batch.user):
            rewards = table.previous_rewards(self._rules.memory)
            self._progress.add("recommendations", len(batch.user))
            self._progress.reach("event_time", int(batch.time.max()))
            yield batch.replaced(last_reward=rewards[is_new])
        over: Bools = ~table.closed & (table.time + self._rules.window <= unit.complete_until)
        if over.any():
            state = yield from self._feedback(shard, unit.complete_until, state, table.take(over))
        keep = ~(table.closed | over) | table.is_latest()
        if self._rules.memory:
            keep &= table.time + self._rules.memory > unit.complete_until
        state = state.put_back(table.replaced(closed=table.closed | over).take(keep))
        if unit.last_user == LAST_USER:
            state = yield from self._end_step(state.end_step(unit.complete_until), unit)
        return replace(state, next_sequence=unit.sequence + 1)

    def _feedback(
        self, shard: int, time: int, state: FeedbackState, over: OpenTable
    ) -> Generator[Any, None, FeedbackState]:
        """Emits rows whose reward window is over and adds them to the sums of their minutes."""
        rewards = over.rewards(self._rules.rewards)
        earned: Float64s = np.sum(rewards, axis=1, dtype=np.float64)
        hit: Bools = np.any(over.best, axis=1)
        popular = over.policy == 0
        for name, chosen in (("policy", ~popular), ("popular", popular)):
            self._hits[name].inc(int(hit[chosen].sum()))
            self._rewards[name].inc(int(earned[chosen].sum()))
        if self._keep_log:
            # Lists that were shown before a resumed job kept a log have no propensities.
            logged = (over.length == 0) | (over.propensities[:, :1] > 0).any(axis=1)
            rows = over.take(logged)
            feedback = Feedback(
                rows.user,
                rows.time,
                rows.items,
                rows.length,
                rows.propensities,
                state.policies[rows.policy],
                rows.history,
                rows.history_length,
                rewards[logged],
            ).named(rows.names)
            # The input's timestamp is that of the previous step; windows need the step's own.
            yield beam.pvalue.TaggedOutput("feedback", TimestampedValue((shard, feedback), time))
        minute = over.time // MINUTE * MINUTE
        return state.add_minutes(
            PolicyMinutes.summed(state.policies, over.policy, minute, hit, earned)
        )

    def _end_step(
        self, state: FeedbackState, unit: WorkUnit
    ) -> Generator[Any, None, FeedbackState]:
        """Emits the sums of minutes whose recommendations all have had their reward window."""
        self._state_bytes.update(sum(column.nbytes for column in state.open.columns()))
        last = unit.complete_until - MINUTE - self._rules.window
        over, state = state.take_minutes(last)
        span = MINUTE if self._rules.every_minute else _HOUR
        over = over.take(order(over.minute))
        for number, rows in runs(over.minute // span):
            sums = over.take(rows)
            # The timer of the histories at this time fires after it, and so held the watermark.
            time = self._rules.report_time(int(sums.minute[-1]))
            keyed = number * span, sums
            yield beam.pvalue.TaggedOutput("minutes", TimestampedValue(keyed, time))
        return state
