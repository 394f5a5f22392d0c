"""Feedback: joins what was shown with what came after (spec sections 4 and 5).

A stateful DoFn per shard, downstream of inference, fed with recommendations and with sealed
blocks: there is no loop in the graph. What came of a user's previous list is known when the
next one is given (`last_reward`); what a list earned is known when its reward window has
passed. As in `transforms.histories` all waits in state until a timer, and a timer does all
that is due up to it, in the order of event time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import apache_beam as beam
import numpy as np
from apache_beam.metrics import Metrics
from apache_beam.transforms.timeutil import TimeDomain
from apache_beam.transforms.userstate import ReadModifyWriteStateSpec, TimerSpec, on_timer
from apache_beam.transforms.window import TimestampedValue

from transforms import live
from transforms.events import Bools, EventBatch
from transforms.feedback_table import OpenTable
from transforms.fill import POPULAR
from transforms.frames import FrameCoder
from transforms.mixed import Mixed
from transforms.pending import pending_spec, pop_blocks, pop_ready, put, put_block
from transforms.recommendations import Feedback, Float64s, PolicyMinutes, Recommendations

MINUTE = 60


class Rewarded(NamedTuple):
    """What `RewardRecommendations` gives.

    Attributes:
        recommendations: with their `last_reward`.
        feedback: (shard, what recommendations earned), once their reward window has passed.
        minutes: (minute, a shard's sums per policy), each minute once a shard.
    """

    recommendations: beam.PCollection[Recommendations]
    feedback: beam.PCollection[tuple[int, Feedback]]
    minutes: beam.PCollection[tuple[int, PolicyMinutes]]


@dataclass(eq=False)
class RewardRecommendations(beam.PTransform):
    """(recommendations, sealed blocks), both keyed by shard, to what came of them.

    Attributes:
        window: seconds behind T in which an item earns its reward.
        pane: seconds on whose multiples sealed blocks begin and end; divides the window.
        ttl: seconds after which a silent user's latest recommendation is forgotten; 0: never.
    """

    window: int
    pane: int
    ttl: int = 0

    def expand(
        self,
        inputs: tuple[
            beam.PCollection[tuple[int, Recommendations]], beam.PCollection[tuple[int, EventBatch]]
        ],
    ) -> Rewarded:
        """Bring both together by shard and reward."""
        shown, blocks = (
            part | label >> beam.Map(lambda element: element).with_output_types(tuple[int, Mixed])
            for label, part in zip(("Shown", "Done"), inputs, strict=True)
        )
        outputs = (
            (shown, blocks)
            | beam.Flatten()
            | "Reward"
            >> beam.ParDo(_Reward(self.window, self.pane, self.ttl)).with_outputs(
                "feedback", "minutes", main="recommendations"
            )
        )
        return Rewarded(outputs.recommendations, outputs.feedback, outputs.minutes)


@beam.typehints.with_input_types(tuple[int, Mixed])
@beam.typehints.with_output_types(
    Recommendations, feedback=tuple[int, Feedback], minutes=tuple[int, PolicyMinutes]
)
class _Reward(beam.DoFn):
    OPEN = ReadModifyWriteStateSpec("open", FrameCoder(OpenTable))
    MINUTES = ReadModifyWriteStateSpec("minutes", FrameCoder(PolicyMinutes))
    DONE = ReadModifyWriteStateSpec("done", beam.coders.VarIntCoder())
    SHOWN = pending_spec("shown")
    BLOCKS = pending_spec("blocks")
    DUE = TimerSpec("due", TimeDomain.WATERMARK)

    def __init__(self, window: int, pane: int, ttl: int) -> None:
        self._window, self._pane, self._ttl = window, pane, ttl
        self._hits = {
            name: Metrics.counter("rivulet", f"hits_{name}") for name in ("policy", "popular")
        }
        self._rewards = {
            name: Metrics.counter("rivulet", f"reward_{name}") for name in ("policy", "popular")
        }
        self._state_bytes = Metrics.distribution("rivulet", "feedback_state_bytes")

    def process(
        self,
        element: tuple[int, EventBatch | Recommendations],
        shown: Any = beam.DoFn.StateParam(SHOWN),
        blocks: Any = beam.DoFn.StateParam(BLOCKS),
        due: Any = beam.DoFn.TimerParam(DUE),
    ) -> None:
        """Lets a frame wait; sets the timers at which a recommendation matters."""
        _, frame = element
        if isinstance(frame, EventBatch):
            put_block(blocks, frame, self._pane)
            return
        _wait(shown, frame)
        moment = int(frame.due_at.max())
        last = int(frame.time.max())
        minute_over = last // MINUTE * MINUTE + MINUTE + self._window
        for at in {moment, max(moment, last + self._window), max(moment, minute_over)}:
            # Just after T: what was given at T has come by then.
            due.set(at + 0.001, dynamic_timer_tag=str(at))

    @on_timer(DUE)
    def fire(
        self,
        shard: int = beam.DoFn.KeyParam,
        tag: str = beam.DoFn.DynamicTimerTagParam,
        open_state: Any = beam.DoFn.StateParam(OPEN),
        minutes_state: Any = beam.DoFn.StateParam(MINUTES),
        done_state: Any = beam.DoFn.StateParam(DONE),
        shown: Any = beam.DoFn.StateParam(SHOWN),
        blocks: Any = beam.DoFn.StateParam(BLOCKS),
    ) -> Iterator[Any]:
        """Gives what became due up to the timer's moment, and what it earned."""
        now = int(tag)
        done = done_state.read()
        done = -1 if done is None else done
        if now <= done:
            return
        events, now = pop_blocks(blocks, now)
        if now <= done:
            return
        done_state.write(now)
        fresh = _pop_shown(shown, now)
        kept = open_state.read()
        parts = [*([kept] if kept is not None else []), *map(OpenTable.opened, fresh)]
        if not parts:
            return
        table = OpenTable.concat(parts).ordered().see(events, self._window)
        if fresh:
            yield from self._recommendations(fresh, table)
        over: Bools = ~table.closed & (table.time + self._window <= now)
        if over.any():
            yield from self._feedback(shard, table.take(over), minutes_state)
        yield from self._minutes(now, minutes_state)
        table = replace(table, closed=table.closed | over)
        keep = ~table.closed | table.latest()
        if self._ttl:
            keep &= table.time + max(self._ttl, self._window) > now
        table = table.take(keep)
        self._state_bytes.update(sum(column.nbytes for column in table.columns()))
        open_state.write(table)

    def _recommendations(
        self, fresh: list[Recommendations], table: OpenTable
    ) -> Iterator[Recommendations]:
        """The new rows with what came of the row before each."""
        rows = Recommendations.concat(fresh)
        rows = rows.take(np.lexsort((rows.time, rows.user)))
        # A row is new if its (user, time) is one of `rows`: both are in the same order.
        place = _places(table, rows)
        live.add("recommendations", len(rows))
        live.reach("event_time", int(rows.time.max()))
        yield replace(rows, last_reward=table.previous_rewards()[place])

    def _feedback(self, shard: int, over: OpenTable, minutes_state: Any) -> Iterator[Any]:
        """Gives the rows whose window has passed and adds them to their minutes."""
        earned: Float64s = np.sum(over.rewards, axis=1, dtype=np.float64)
        hit: Bools = np.any(over.rewards > 0, axis=1)
        popular = over.policy == POPULAR
        for name, rows in (("policy", ~popular), ("popular", popular)):
            self._hits[name].inc(int(hit[rows].sum()))
            self._rewards[name].inc(int(earned[rows].sum()))
        sums = PolicyMinutes.summed(over.policy, over.time // MINUTE * MINUTE, hit, earned)
        kept = minutes_state.read()
        minutes_state.write(sums if kept is None else PolicyMinutes.merged([kept, sums]))
        feedback = Feedback(
            over.user,
            over.time,
            over.items,
            over.length,
            over.propensities,
            over.policy,
            over.history,
            over.history_length,
            over.rewards,
        )
        yield beam.pvalue.TaggedOutput("feedback", (shard, feedback))

    def _minutes(self, now: int, minutes_state: Any) -> Iterator[Any]:
        """Gives the minutes whose recommendations have all had their window."""
        sums = minutes_state.read()
        if sums is None or not len(sums):
            return
        over = sums.minute + MINUTE + self._window <= now
        if not over.any():
            return
        minutes_state.write(sums.take(~over))
        for minute in np.unique(sums.minute[over]).tolist():
            part = sums.take(sums.minute == minute)
            # The timer of this moment has not fired before now, and so holds the watermark.
            moment = minute + MINUTE + self._window
            yield beam.pvalue.TaggedOutput("minutes", TimestampedValue((minute, part), moment))


def _wait(shown: Any, rows: Recommendations) -> None:
    first = int(rows.time.min())
    put(shown, rows, first, first)


def _pop_shown(shown: Any, now: int) -> list[Recommendations]:
    """Takes the recommendations with T <= now out of the state.

    Where the watermark jumped, rows of many T's come together: by T, not by their coming,
    each must be open before the events behind it are seen, and no sooner.
    """
    fresh = []
    for rows in pop_ready(shown, Recommendations, now):
        over = rows.time <= now
        if not over.all():
            _wait(shown, rows.take(~over))
        fresh.append(rows.take(over))
    return fresh


def _places(table: OpenTable, rows: Recommendations) -> Any:
    """Where each of `rows` is in `table`; both are ordered by (user, time)."""
    base = int(table.time.min())
    span = int(table.time.max()) - base + 1
    users = np.unique(table.user)
    keys = np.searchsorted(users, table.user) * span + (table.time - base)
    return np.searchsorted(keys, np.searchsorted(users, rows.user) * span + (rows.time - base))
