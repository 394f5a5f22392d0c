"""Feedback: joins what was shown with what came after (spec sections 4 and 5).

A stateful DoFn per shard, downstream of inference: there is no loop in the graph. What it
gets are the parts that `transforms.histories.transform` gives: recommendations, and what the same
users
did since the part before. It takes them by their numbers and waits for none but the next one.
So what it gives is a matter of the data alone: it has no timers, and no watermark that a
runner moves too early or too late can change an answer.

What came of a user's previous list is known when the next one is given (`last_reward`); what
a list earned is known when its reward window has passed.
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
from transforms.feedback.rules import RewardRules
from transforms.feedback.state import FeedbackState, FeedbackStateCoder
from transforms.feedback.table import OpenTable
from transforms.messages.events import Bools
from transforms.messages.feedback import Feedback
from transforms.messages.minutes import MINUTE, Float64s, PolicyMinutes
from transforms.messages.ranking import LAST_USER, RankedBatch, WorkUnit
from transforms.progress import SHARED_PROGRESS, ProgressCounters


class Rewarded(NamedTuple):
    """What `RewardRecommendations` gives.

    Attributes:
        recommendations: with their `last_reward`.
        feedback: (shard, what recommendations earned), once their reward window has passed;
            nothing where no feedback log is kept.
        minutes: (minute, a shard's sums per policy), each minute once a shard.
    """

    recommendations: beam.PCollection[RankedBatch]
    feedback: beam.PCollection[tuple[int, Feedback]]
    minutes: beam.PCollection[tuple[int, PolicyMinutes]]


@dataclass(eq=False)
class RewardRecommendations(beam.PTransform):
    """Recommendations by shard to what came of them.

    Attributes:
        rules: how rewards are earned.
        keep_log: whether to give the feedback.
        progress: the job's counters.
    """

    rules: RewardRules
    keep_log: bool = False
    progress: ProgressCounters = SHARED_PROGRESS

    def expand(self, shown: beam.PCollection[tuple[int, RankedBatch]]) -> Rewarded:
        """Reward."""
        reward = _Reward(self.rules, self.keep_log, self.progress)
        outputs = shown | "Reward" >> beam.ParDo(reward).with_outputs(
            "feedback", "minutes", main="recommendations"
        )
        return Rewarded(outputs.recommendations, outputs.feedback, outputs.minutes)


@beam.typehints.with_input_types(tuple[int, RankedBatch])
@beam.typehints.with_output_types(
    RankedBatch, feedback=tuple[int, Feedback], minutes=tuple[int, PolicyMinutes]
)
class _Reward(beam.DoFn):
    LEDGER = ReadModifyWriteStateSpec("ledger", FeedbackStateCoder())
    EARLY = BagStateSpec("early", FrameCoder(RankedBatch))

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
        ledger_state: Any = beam.DoFn.StateParam(LEDGER),
        early: Any = beam.DoFn.StateParam(EARLY),
    ) -> Iterator[Any]:
        """Takes the part if it is the next one, and those that had come before it."""
        shard, shown = element
        ledger = ledger_state.read() or FeedbackState()
        if shown.part.number > ledger.next:
            early.add(shown)
            ledger_state.write(replace(ledger, early=ledger.early + 1))
            return
        parts = {shown.part.number: shown}
        if ledger.early:
            parts |= {other.part.number: other for other in early.read()}
        while (part := parts.pop(ledger.next, None)) is not None:
            ledger = yield from self._take(shard, ledger, part)
        if ledger.early:
            early.clear()
            for other in parts.values():
                early.add(other)
        ledger_state.write(replace(ledger, early=len(parts)))

    def _take(
        self, shard: int, ledger: FeedbackState, shown: RankedBatch
    ) -> Generator[Any, None, FeedbackState]:
        """Gives a part's recommendations and what became known with it; the ledger after it."""
        part = shown.part
        ledger, shown = ledger.translate(shown)
        held, ledger = ledger.held(part.upto)
        table = OpenTable.opened(shown, keep_log=self._keep_log)
        if len(held):
            table = OpenTable.concat([held, table]).ordered() if len(table) else held
        table = table.see(part.events, self._rules.window)
        if len(shown.user):
            rewards = table.previous_rewards(self._rules.remembered)
            self._progress.add("recommendations", len(shown.user))
            self._progress.reach("event_time", int(shown.time.max()))
            # The new rows are those at or behind the moment up to which all was given before.
            fresh = table.time > ledger.now if len(held) else slice(None)
            yield replace(shown, last_reward=rewards[fresh])
        over: Bools = ~table.closed & (table.time + self._rules.window <= part.now)
        if over.any():
            ledger = yield from self._feedback(shard, part.now, ledger, table.take(over))
        keep = ~(table.closed | over) | table.latest()
        if self._rules.remembered:
            keep &= table.time + self._rules.remembered > part.now
        ledger = ledger.keep(replace(table, closed=table.closed | over).take(keep))
        if part.upto == LAST_USER:
            ledger = yield from self._end(ledger.turned(part.now), part)
        return replace(ledger, next=part.number + 1)

    def _feedback(
        self, shard: int, now: int, ledger: FeedbackState, over: OpenTable
    ) -> Generator[Any, None, FeedbackState]:
        """Gives the rows whose window has passed and adds them to their minutes."""
        rewards = over.rewards()
        earned: Float64s = np.sum(rewards, axis=1, dtype=np.float64)
        hit: Bools = np.any(over.best, axis=1)
        popular = over.policy == 0
        for name, rows in (("policy", ~popular), ("popular", popular)):
            self._hits[name].inc(int(hit[rows].sum()))
            self._rewards[name].inc(int(earned[rows].sum()))
        if self._keep_log:
            feedback = Feedback(
                over.user,
                over.time,
                over.items,
                over.length,
                over.propensities,
                ledger.policies[over.policy],
                over.history,
                over.history_length,
                rewards,
            )
            # Parts are as old as the part before; what is windowed needs a time of its own.
            yield beam.pvalue.TaggedOutput("feedback", TimestampedValue((shard, feedback), now))
        minute = over.time // MINUTE * MINUTE
        return ledger.add(PolicyMinutes.summed(ledger.policies, over.policy, minute, hit, earned))

    def _end(self, ledger: FeedbackState, part: WorkUnit) -> Generator[Any, None, FeedbackState]:
        """Gives the minutes whose recommendations have all had their window."""
        self._state_bytes.update(sum(column.nbytes for column in ledger.open.columns()))
        over, ledger = ledger.minutes_until(part.now - MINUTE - self._rules.window)
        for minute in np.unique(over.minute).tolist():
            sums = over.take(over.minute == minute)
            # The histories' timer of this moment has not fired before, and so holds the watermark.
            moment = self._rules.minute_over(minute)
            yield beam.pvalue.TaggedOutput("minutes", TimestampedValue((minute, sums), moment))
        return ledger
