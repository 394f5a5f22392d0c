"""Histories: a stateful DoFn per shard that says who is due for a recommendation, and why.

State is a table of columns that changes only when sealed blocks are applied. Blocks and
rankings of popular items wait in state until an event-time timer at a time T says that all
before T has come; then the blocks are applied in the order of event time. So the order of
arrival never reaches a result, nor does the order in which a watermark that jumps fires the
timers: a timer does all that is due up to it, and those before it find it done.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import numpy as np
from apache_beam.metrics import Metrics
from apache_beam.transforms.timeutil import TimeDomain
from apache_beam.transforms.userstate import ReadModifyWriteStateSpec, TimerSpec, on_timer
from apache_beam.transforms.window import TimestampedValue

from transforms.events import EventBatch
from transforms.frames import FrameCoder
from transforms.history_table import Applied, DueRows, HistoryTable, Schedule
from transforms.mixed import Mixed
from transforms.pending import pending_spec, pop_blocks, pop_ready, put, put_block
from transforms.popular import PopularRows
from transforms.rankings import Rankings
from transforms.recommendations import Due

CHUNK_ROWS = 16_384
"""Rows of a `Due`, at the most: bounds the memory of what follows."""


@dataclass(frozen=True)
class HistoryRules:
    """How histories are kept and who is due (spec section 4).

    Attributes:
        schedule: when users are due.
        pane: seconds on whose multiples sealed blocks begin and end; divides the period.
        size: items in a history.
        minimum: events from which on the policy ranks.
        ttl: seconds of event time after which a silent user is forgotten; 0 for never.
        popular_size: items in a ranking of popular items.
    """

    schedule: Schedule
    pane: int
    size: int
    minimum: int
    ttl: int
    popular_size: int


@dataclass(eq=False)
class Histories(beam.PTransform):
    """(sealed blocks by shard, rankings) to Due, keyed by shard.

    Attributes:
        rules: how histories are kept.
        shards: how many shards there are: each is told every ranking.
    """

    rules: HistoryRules
    shards: int

    def expand(
        self,
        inputs: tuple[beam.PCollection[tuple[int, EventBatch]], beam.PCollection[PopularRows]],
    ) -> beam.PCollection[tuple[int, Due]]:
        """Bring blocks and rankings together by shard and keep the histories."""
        blocks, popular = inputs
        told = popular | "Tell each shard" >> beam.FlatMap(
            lambda rows, shards: [(shard, rows) for shard in range(shards)], self.shards
        ).with_output_types(tuple[int, Mixed])
        mixed = blocks | "Blocks" >> beam.Map(lambda block: block).with_output_types(
            tuple[int, Mixed]
        )
        return (
            (mixed, told)
            | beam.Flatten()
            | "Keep histories" >> beam.ParDo(KeepHistories(self.rules))
        )


@beam.typehints.with_input_types(tuple[int, Mixed])
@beam.typehints.with_output_types(tuple[int, Any])
class KeepHistories(beam.DoFn):
    """Keeps the histories of a shard and gives its users when they are due."""

    TABLE = ReadModifyWriteStateSpec("table", FrameCoder(HistoryTable))
    DONE = ReadModifyWriteStateSpec("done", beam.coders.VarIntCoder())
    BLOCKS = pending_spec("blocks")
    POPULAR = pending_spec("popular")
    LISTS = ReadModifyWriteStateSpec("lists", FrameCoder(PopularRows))
    DUE = TimerSpec("due", TimeDomain.WATERMARK)

    def __init__(self, rules: HistoryRules) -> None:
        self._rules = rules
        self._state_bytes = Metrics.distribution("rivulet", "history_state_bytes")

    def process(
        self,
        element: tuple[int, EventBatch | PopularRows],
        blocks: Any = beam.DoFn.StateParam(BLOCKS),
        popular: Any = beam.DoFn.StateParam(POPULAR),
        due: Any = beam.DoFn.TimerParam(DUE),
    ) -> None:
        """Lets a block or rankings wait; sets the timers at which a block matters."""
        _, frame = element
        if isinstance(frame, PopularRows):
            first = int(frame.window_end.min())
            put(popular, frame, first, first)
            return
        schedule = self._rules.schedule
        # At the first T behind the block all of the block is there; T's inside it are its too.
        moment = schedule.at_or_after(put_block(blocks, frame, self._rules.pane))
        last = max(schedule.last_for(int(frame.time.max())), moment)
        for at in range(moment, last + 1, schedule.period):
            due.set(at, dynamic_timer_tag=str(at))

    @on_timer(DUE)
    def fire(
        self,
        shard: int = beam.DoFn.KeyParam,
        tag: str = beam.DoFn.DynamicTimerTagParam,
        table_state: Any = beam.DoFn.StateParam(TABLE),
        done_state: Any = beam.DoFn.StateParam(DONE),
        blocks: Any = beam.DoFn.StateParam(BLOCKS),
        popular: Any = beam.DoFn.StateParam(POPULAR),
        lists_state: Any = beam.DoFn.StateParam(LISTS),
    ) -> Iterator[Any]:
        """Applies what came before T = the timer's time and gives who is due up to it."""
        now = int(tag)
        done = done_state.read()
        done = -1 if done is None else done
        if now <= done:
            return
        rules = self._rules
        events, now = pop_blocks(blocks, now)
        if now <= done:
            return
        table = table_state.read()
        table = HistoryTable.empty(rules.size) if table is None else table
        applied = Applied(table, events, rules.schedule, done)
        known = lists_state.read()
        rankings = Rankings(
            [*([known] if known is not None else []), *pop_ready(popular, PopularRows, now)],
            rules.popular_size,
        )
        yield from self._chunks(shard, now, applied.due(now), rankings)
        if len(events):
            forget_before = now - rules.ttl if rules.ttl else None
            table = applied.table(forget_before)
            table_state.write(table)
            self._state_bytes.update(table.items.nbytes + 3 * table.user.nbytes)
        done_state.write(now)
        latest = rankings.behind(now)
        if latest is not None:
            lists_state.write(latest)

    def _chunks(self, shard: int, now: int, rows: DueRows, rankings: Rankings) -> Iterator[Any]:
        for start in range(0, len(rows.user), CHUNK_ROWS):
            part = slice(start, start + CHUNK_ROWS)
            first = int(rows.state[start])
            state = rows.state[part] - first
            states = rows.states.take(slice(first, first + int(state[-1]) + 1))
            chosen, items, length = rankings.at(rows.time[part])
            due = Due(
                user=rows.user[part],
                time=rows.time[part],
                state=state,
                states=states,
                ranked=np.flatnonzero(states.length >= self._rules.minimum),
                popular=chosen,
                popular_items=items,
                popular_length=length,
                due_at=now,
            )
            # A moment before T, so that it is there when a timer at T fires downstream.
            yield TimestampedValue((shard, due), now - 0.001)
