"""One step of a shard's feedback: a work unit's recommendations, and the rewards known after it."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from enum import Enum
from typing import Any

import apache_beam as beam
import numpy as np
from apache_beam.metrics import Metrics
from apache_beam.transforms.window import TimestampedValue

from transforms.columns.packing import order
from transforms.columns.ranges import runs
from transforms.feedback.open_table import OpenTable
from transforms.feedback.rules import RewardRules
from transforms.feedback.shown import NEVER, Shown
from transforms.feedback.state import FeedbackState
from transforms.messages.events import Bools
from transforms.messages.feedback import Feedback
from transforms.messages.minutes import MINUTE, Float64s, PolicyMinutes
from transforms.messages.ranking import LAST_USER, RankedBatch, WorkUnit
from transforms.messages.tombstones import NEVER as NO_END
from transforms.messages.tombstones import with_users
from transforms.progress import ProgressCounters

_HOUR = 3600


class Credit(Enum):
    """Which lists count as shown, and can earn rewards."""

    CHANGED = "changed"
    """Those that differ from the user's list before."""

    SHOWN = "shown"
    """Those of which an impression says so; `last_reward` is another step's work."""

    NOTHING = "nothing"
    """None: the step gives `last_reward` alone."""


class FeedbackStep:
    """Processes a shard's work units, in the order of their sequence numbers.

    Args:
        rules: how rewards are earned.
        keep_log: whether to emit the feedback.
        progress: the job's counters.
        credit: which lists count as shown.
    """

    def __init__(
        self, rules: RewardRules, keep_log: bool, progress: ProgressCounters, credit: Credit
    ) -> None:
        self.rules = rules
        self._keep_log, self._progress, self._credit = keep_log, progress, credit
        self._hits = {
            name: Metrics.counter("rivulet", f"hits_{name}") for name in ("policy", "popular")
        }
        self._rewards = {
            name: Metrics.counter("rivulet", f"reward_{name}") for name in ("policy", "popular")
        }
        self._lists_shown = Metrics.counter("rivulet", "lists_shown")
        self._state_bytes = Metrics.distribution("rivulet", "feedback_state_bytes")

    def process(
        self, shard: int, state: FeedbackState, batch: RankedBatch, shown: Shown | None = None
    ) -> Generator[Any, None, FeedbackState]:
        """Emits a unit's recommendations and the rewards that are known after it.

        Args:
            shard: the shard's key.
            state: the state after the unit before.
            batch: the unit.
            shown: with `Credit.SHOWN`, the lists that were shown before the end of the step.

        Returns:
            The state after the unit.
        """
        unit = batch.unit
        state, batch = state.with_policies_of(batch)
        held, state = state.take_users(unit.last_user)
        table = OpenTable.opened(batch, keep_log=self._keep_log, weigh=self.rules.value is not None)
        if len(held):
            table = OpenTable.joined([held, table]).ordered() if len(table) else held
        # Rows after the previous step are the unit's own.
        is_new = table.time > state.complete_until if len(held) else np.ones(len(table), bool)
        at = None if shown is None else shown.of(table.user, table.time)
        # Each life of a user who is forgotten counts as a user of its own. Lists are of the events
        # before them.
        users, events, ends = table.user, unit.events, None
        if len(unit.tombstones):
            ends = unit.tombstones.ends(users, unit.tombstones.place(users, table.time - 1))
            (lists, of_event), _, _ = unit.tombstones.lives(
                (users, table.time - 1), (events.user, events.time)
            )
            table, events = table.replaced(user=lists), with_users(events, of_event)
        table = table.replaced(closed=table.closed | (is_new & self._hidden(table)))
        table = table.apply(events, self.rules.window, self.rules.rewards, at, self.rules.value)
        if len(batch.user) and self._credit is not Credit.SHOWN:
            rewards = table.previous_rewards(self.rules.memory)
            self._progress.add("recommendations", len(batch.user))
            self._progress.reach("event_time", int(batch.time.max()))
            yield batch.replaced(last_reward=rewards[is_new])
        table = table.replaced(user=users)
        over: Bools = ~table.closed & (table.time + self.rules.window <= unit.complete_until)
        if ends is not None:
            over &= table.time + self.rules.window <= ends
        seen = over if at is None else over & (at < NEVER)
        if seen.any():
            state = yield from self._feedback(shard, unit.complete_until, state, table.take(seen))
        keep = ~(table.closed | over)
        if self._credit is not Credit.SHOWN:
            keep |= table.is_latest()
        if ends is not None:
            keep &= ends == NO_END
        if self.rules.memory:
            keep &= table.time + self.rules.memory > unit.complete_until
        state = state.put_back(table.replaced(closed=table.closed | over).take(keep))
        if unit.last_user == LAST_USER:
            state = yield from self._end_step(state.end_step(unit.complete_until), unit)
        return replace(state, next_sequence=unit.sequence + 1)

    def _hidden(self, table: OpenTable) -> Bools:
        """Which new lists do not count as shown, or will not be asked for: bool [n]."""
        if self._credit is Credit.CHANGED:
            return table.repeats(self.rules.memory)
        if self._credit is Credit.SHOWN:
            no_items: Bools = table.length == 0
            return no_items
        return np.ones(len(table), bool)

    def _feedback(
        self, shard: int, time: int, state: FeedbackState, over: OpenTable
    ) -> Generator[Any, None, FeedbackState]:
        """Emits rows whose reward window is over and adds them to the sums of their minutes."""
        rewards = over.rewards(self.rules.rewards)
        earned: Float64s = np.sum(rewards, axis=1, dtype=np.float64)
        hit: Bools = np.any(over.best, axis=1)
        popular = over.policy == 0
        self._lists_shown.inc(len(over))
        for name, chosen in (("policy", ~popular), ("popular", popular)):
            self._hits[name].inc(int(hit[chosen].sum()))
            self._rewards[name].inc(int(earned[chosen].sum()))
        if self._keep_log:
            # Lists that were shown before a resumed job kept a log have no propensities.
            logged = (over.length == 0) | (over.propensities[:, :1] > 0).any(axis=1)
            rows = over.take(logged)
            plain = rows.plain_rewards(self.rules.rewards)
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
                plain if self.rules.value else plain[:, :0],
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
        last = unit.complete_until - MINUTE - self.rules.window
        over, state = state.take_minutes(last)
        span = MINUTE if self.rules.every_minute else _HOUR
        over = over.take(order(over.minute))
        for number, rows in runs(over.minute // span):
            sums = over.take(rows)
            # The timer of the histories at this time fires after it, and so held the watermark.
            time = self.rules.report_time(int(sums.minute[-1]))
            keyed = number * span, sums
            yield beam.pvalue.TaggedOutput("minutes", TimestampedValue(keyed, time))
        return state
