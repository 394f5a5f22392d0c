"""Histories: a stateful DoFn per shard that says who is due for a recommendation, and why.

State is a table of columns that changes only when closed blocks are applied. Blocks and
rankings of popular items wait in state until an event-time timer at a time T says that all
before T has come; then the blocks are applied in the order of event time. So the order of
arrival never reaches a result, nor does the order in which a watermark that jumps fires the
timers: a timer does all that is due up to it, and those before it find it done.

What a timer gives are parts: who is due, and what the same users did. They are numbered, so
that the feedback step downstream needs no timers of its own. There are timers, too, at the
moments at which rewards are told, though nobody is due.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import numpy as np
from apache_beam.metrics import Metrics
from apache_beam.transforms.timeutil import TimeDomain
from apache_beam.transforms.userstate import ReadModifyWriteStateSpec, TimerSpec, on_timer
from apache_beam.transforms.window import TimestampedValue

from transforms.columns.codec import Column
from transforms.columns.frames import Columns, FrameCoder, coded
from transforms.feedback.rules import RewardRules
from transforms.histories.event_time_buffer import BufferedFrame, buffer_spec, pop_ready
from transforms.histories.rankings import Rankings
from transforms.histories.table import DueRows, HistoryTable, HistoryUpdate, Schedule
from transforms.messages.events import EventBatch, Int64s
from transforms.messages.popular import PopularRows
from transforms.messages.ranking import LAST_USER, RankingRequest, WorkUnit
from transforms.shards.keys import shard_keys

WORK_UNIT_ROWS = 16_384
"""Rows of a part, about: bounds the memory of what follows, and fits a processor's cache."""

QUEUED_ROWS = 100_000
"""Events of a block from which on it waits for the one before it to be applied: see `process`."""

TIDY_EVERY = 3600
"""Seconds of event time for which rankings may wait in a shard that has no events."""


@dataclass(frozen=True)
class HistoryRules:
    """How histories are kept and who is due (spec section 4).

    Attributes:
        schedule: when users are due.
        pane: seconds on whose multiples closed blocks begin and end; divides the period.
        size: items in a history.
        minimum: events from which on the policy ranks.
        ttl: seconds between two events of a user after which the history begins anew, and a
            silent user leaves the state; 0 for never.
        popular_size: items in a ranking of popular items.
        rewards: when rewards are told.
    """

    schedule: Schedule
    pane: int
    size: int
    minimum: int
    ttl: int
    popular_size: int
    rewards: RewardRules


@dataclass(eq=False)
class Histories(beam.PTransform):
    """(closed blocks by shard, rankings) to Due, keyed by shard.

    Attributes:
        rules: how histories are kept.
        shards: how many shards there are: each is told every ranking.
    """

    rules: HistoryRules
    shards: int

    def expand(
        self,
        inputs: tuple[beam.PCollection[tuple[int, EventBatch]], beam.PCollection[PopularRows]],
    ) -> beam.PCollection[tuple[int, RankingRequest]]:
        """Bring blocks and rankings together by shard and keep the histories."""
        blocks, popular = inputs
        told = popular | "Tell each shard" >> beam.FlatMap(
            _for_each_shard, self.shards
        ).with_output_types(tuple[int, bytes])
        packed = blocks | "Blocks" >> beam.Map(_packed, self.rules.pane).with_output_types(
            tuple[int, bytes]
        )
        return (
            (packed, told)
            | "Together" >> beam.Flatten()
            | "Keep histories" >> beam.ParDo(KeepHistories(self.rules))
        )


def _for_each_shard(rows: PopularRows, shards: int) -> list[tuple[int, bytes]]:
    encoded = BufferedFrame.of_rankings(rows).encoded
    return [(key, encoded) for key in shard_keys(shards)]


def _packed(element: tuple[int, EventBatch], pane: int) -> tuple[int, bytes]:
    shard, block = element
    return shard, BufferedFrame.of_block(block, pane).encoded


@coded
@dataclass(frozen=True, slots=True, eq=False)
class EmissionProgress(Columns):
    """What a shard has given so far, and the rankings that it still needs.

    Attributes:
        mark: int64 [2], the moment up to which all was given, and the number of the next part.
        window_end: int64 [n], and the other columns of PopularRows.
    """

    mark: Int64s
    window_end: Int64s
    rank: Int64s
    item: Int64s
    count: Int64s


@beam.typehints.with_input_types(tuple[int, bytes])
@beam.typehints.with_output_types(tuple[int, Any])
class KeepHistories(beam.DoFn):
    """Keeps the histories of a shard and gives its users when they are due."""

    TABLE = ReadModifyWriteStateSpec("table", FrameCoder(HistoryTable))
    TOLD = ReadModifyWriteStateSpec("told", FrameCoder(EmissionProgress))
    WAITING = buffer_spec("waiting")
    QUEUED = ReadModifyWriteStateSpec("queued", beam.coders.BooleanCoder())
    DUE = TimerSpec("due", TimeDomain.WATERMARK)

    def __init__(self, rules: HistoryRules) -> None:
        self._rules = rules
        self._state_bytes = Metrics.distribution("rivulet", "history_state_bytes")

    def process(
        self,
        element: tuple[int, bytes],
        waiting: Any = beam.DoFn.StateParam(WAITING),
        queued: Any = beam.DoFn.StateParam(QUEUED),
        due: Any = beam.DoFn.TimerParam(DUE),
    ) -> None:
        """Lets a block or rankings wait; sets the timers at which a block matters.

        A large block, of files, gets its timers when the one before it has been applied: if all
        were due in one moment, a runner would hold all that they give in memory at once.
        """
        pending = BufferedFrame.read(element[1])
        waiting.add(pending.encoded)
        if not pending.is_block:
            tidy = -(-pending.last // TIDY_EVERY) * TIDY_EVERY
            due.set(tidy, dynamic_timer_tag=str(tidy))
            return
        if pending.rows >= QUEUED_ROWS:
            if queued.read():
                return
            queued.write(True)
        self._set_timers(pending, due)

    def _set_timers(self, block: BufferedFrame, due: Any) -> None:
        schedule = self._rules.schedule
        # At the first T behind the block all of the block is there; T's inside it are its too.
        moment = schedule.at_or_after(block.ready_at)
        last = max(schedule.last_for(block.last), moment)
        told = self._rules.rewards.moments(schedule.at_or_after(block.start + 1), last)
        for at in {*range(moment, last + 1, schedule.period), *told}:
            if at >= moment:
                due.set(at, dynamic_timer_tag=str(at))

    @on_timer(DUE)
    def fire(
        self,
        shard: int = beam.DoFn.KeyParam,
        tag: str = beam.DoFn.DynamicTimerTagParam,
        table_state: Any = beam.DoFn.StateParam(TABLE),
        told_state: Any = beam.DoFn.StateParam(TOLD),
        waiting: Any = beam.DoFn.StateParam(WAITING),
        queued: Any = beam.DoFn.StateParam(QUEUED),
        due: Any = beam.DoFn.TimerParam(DUE),
    ) -> Iterator[Any]:
        """Applies what came before the timer's moment and gives who is due up to it."""
        told = told_state.read()
        done, number = (-1, 0) if told is None else told.mark.tolist()
        if int(tag) <= done:
            return
        ready = pop_ready(waiting, int(tag), done)
        if ready is None:
            return
        rules, now, events = self._rules, ready.now, ready.events
        table = table_state.read()
        table = HistoryTable.empty(rules.size) if table is None else table
        applied = HistoryUpdate(table, events, rules.schedule, done, rules.ttl)
        known = [] if told is None else [PopularRows(*told.columns()[1:])]
        rankings = Rankings([*known, *ready.rankings], rules.popular_size)
        for part in work_units_of(applied.due(now), events, rankings, rules.minimum, number, now):
            # All timers behind `done` hold the watermark until they have fired; while the part is
            # on its way it does so in their place, for what is told at their moments.
            yield TimestampedValue((shard, part), max(done, 0))
            number += 1
        if len(events):
            table = applied.table(now)
            table_state.write(table)
            self._state_bytes.update(table.items.nbytes + 3 * table.user.nbytes)
        latest: tuple[Column, ...] = rankings.behind(now).columns()
        told_state.write(EmissionProgress(np.array([now, number]), *latest))
        self._next_block(ready.blocks, queued, due)

    def _next_block(self, waiting: Sequence[BufferedFrame], queued: Any, due: Any) -> None:
        """Sets the timers of the next large block, if there is one."""
        large = [block for block in waiting if block.rows >= QUEUED_ROWS]
        if large:
            self._set_timers(min(large, key=lambda block: block.start), due)
        elif queued.read():
            queued.clear()


def work_units_of(
    rows: DueRows, events: EventBatch, rankings: Rankings, minimum: int, number: int, now: int
) -> Iterator[RankingRequest]:
    """Cuts what is due into parts of whole users, at least one part.

    Args:
        rows: who is due, by (user, T).
        events: what was applied, by (user, time, item).
        rankings: all that matter at the rows' T's.
        minimum: events in a history from which on the policy ranks.
        number: of the first part.
        now: the moment up to which all was applied.
    """
    start = begin = 0
    size = len(rows.user)
    while True:
        end, upto = size, LAST_USER
        if start + WORK_UNIT_ROWS < size:
            upto = int(rows.user[start + WORK_UNIT_ROWS - 1])
            end = int(np.searchsorted(rows.user, upto, side="right"))
            upto = LAST_USER if end == size else upto
        stop = int(np.searchsorted(events.user, upto, side="right"))
        first, behind = (int(rows.state[start]), int(rows.state[end - 1]) + 1) if size else (0, 0)
        states = rows.states.take(slice(first, behind))
        chosen, items, length = rankings.at(rows.time[start:end])
        yield RankingRequest(
            user=rows.user[start:end],
            time=rows.time[start:end],
            state=rows.state[start:end] - first,
            states=states,
            ranked=np.flatnonzero(states.length >= minimum),
            popular=chosen,
            popular_items=items,
            popular_length=length,
            part=WorkUnit(number, now, upto, events.take(slice(begin, stop))),
        )
        if end == size:
            return
        start, begin, number = end, stop, number + 1
