"""Keeps users' histories and emits ranking requests: a stateful DoFn, keyed by shard.

Closed blocks and rankings of popular items are buffered in state. An event-time timer at a
ranking time T fires when all data before T has arrived. It applies the buffered blocks in order
of event time and emits the requests up to T. Results therefore do not depend on the order of
arrival. They do not depend on the order in which timers fire either: a timer does all the work
up to its time, and earlier timers then find it done.

A timer emits work units (`RankingRequest`) with sequence numbers, so that the feedback step needs
no timers. There are also timers at the times at which rewards are reported, even if no user is
due then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
from apache_beam.metrics import Metrics
from apache_beam.transforms.timeutil import TimeDomain
from apache_beam.transforms.userstate import ReadModifyWriteStateSpec, TimerSpec, on_timer
from apache_beam.transforms.window import TimestampedValue

from transforms.columns.frames import FrameCoder
from transforms.columns.ranges import union
from transforms.histories.bought import BoughtTable, Purchases
from transforms.histories.emission_progress import EmissionProgress
from transforms.histories.event_time_buffer import BufferedFrame, buffer_spec, pop_ready
from transforms.histories.forgotten import ForgottenSource, Found
from transforms.histories.rankings import Rankings
from transforms.histories.recent_users import RecentUsers
from transforms.histories.rules import HistoryRules
from transforms.histories.table import HistoryTable
from transforms.histories.update import HistoryUpdate
from transforms.histories.users import kept_after, layout_of
from transforms.histories.work_units import work_units_of
from transforms.loaded import loaded
from transforms.messages.events import EventBatch
from transforms.messages.popular import PopularRows
from transforms.messages.ranking import RankingRequest
from transforms.messages.tombstones import NO_TOMBSTONES
from transforms.shards.keys import shard_keys
from transforms.tables.layout import Rows
from transforms.tables.place import DEFAULT_LIMITS, TableLimits, TablePlace
from transforms.tables.states import TableStates
from transforms.tables.stored_table import StoredTable

LARGE_BLOCK_ROWS = 100_000
"""Events of a block from which on it gets timers only after the block before it was applied."""

CLEANUP_PERIOD = 3600
"""Seconds of event time for which a shard without events buffers rankings."""


@dataclass(eq=False)
class Histories(beam.PTransform):
    """(closed blocks by shard, rankings of popular items) to (shard, RankingRequest).

    Attributes:
        rules: how histories are kept.
        shards: number of shards; each gets every ranking.
        forgotten: which users are forgotten when; None for nobody.
    """

    rules: HistoryRules
    shards: int
    forgotten: ForgottenSource | None = None

    def expand(
        self,
        inputs: tuple[beam.PCollection[tuple[int, EventBatch]], beam.PCollection[PopularRows]],
    ) -> beam.PCollection[tuple[int, RankingRequest]]:
        """Merge blocks and rankings by shard, and keep the histories."""
        blocks, popular = inputs
        rankings = popular | "Rankings to shards" >> beam.FlatMap(
            _to_each_shard, self.shards
        ).with_output_types(tuple[int, bytes])
        encoded = blocks | "Encode blocks" >> beam.Map(_encoded, self.rules.pane).with_output_types(
            tuple[int, bytes]
        )
        keep = KeepHistories(self.rules, self.shards, forgotten=self.forgotten)
        return (
            (encoded, rankings)
            | "Blocks and rankings" >> beam.Flatten()
            | "Keep histories" >> beam.ParDo(keep)
        )


def _to_each_shard(rows: PopularRows, shards: int) -> list[tuple[int, bytes]]:
    encoded = BufferedFrame.of_rankings(rows).encoded
    return [(key, encoded) for key in shard_keys(shards)]


def _encoded(element: tuple[int, EventBatch], pane: int) -> tuple[int, bytes]:
    shard, block = element
    return shard, BufferedFrame.of_block(block, pane).encoded


@beam.typehints.with_input_types(tuple[int, bytes])
@beam.typehints.with_output_types(tuple[int, Any])
class KeepHistories(beam.DoFn):
    """Keeps the histories of a shard and emits its ranking requests.

    Args:
        rules: how histories are kept.
        shards: number of shards of the job.
        limits: when state is merged.
        forgotten: which users are forgotten when; None for nobody.
    """

    USERS = TableStates("users")
    RECENT = ReadModifyWriteStateSpec("recent_users", FrameCoder(RecentUsers))
    PROGRESS = ReadModifyWriteStateSpec("emission_progress", FrameCoder(EmissionProgress))
    BUFFER = buffer_spec("event_time_buffer")
    LARGE_BLOCK = ReadModifyWriteStateSpec("large_block", beam.coders.BooleanCoder())
    # What jobs wrote before there was a table of cells: read once, and moved there.
    TABLE = ReadModifyWriteStateSpec("histories", FrameCoder(HistoryTable))
    BOUGHT = ReadModifyWriteStateSpec("bought", FrameCoder(BoughtTable))
    RANKING = TimerSpec("ranking_time", TimeDomain.WATERMARK)

    def __init__(
        self,
        rules: HistoryRules,
        shards: int,
        limits: TableLimits = DEFAULT_LIMITS,
        forgotten: ForgottenSource | None = None,
    ) -> None:
        self._rules, self._shards, self._limits = rules, shards, limits
        self._forgotten = forgotten
        self._layout = layout_of(rules.size)
        self._state_bytes = Metrics.distribution("rivulet", "history_state_bytes")

    def process(
        self,
        element: tuple[int, bytes],
        progress_state: Any = beam.DoFn.StateParam(PROGRESS),
        buffer: Any = beam.DoFn.StateParam(BUFFER),
        large_block: Any = beam.DoFn.StateParam(LARGE_BLOCK),
        timers: Any = beam.DoFn.TimerParam(RANKING),
    ) -> None:
        """Buffers a block or rankings, and sets the block's timers.

        A large block, as files give them, gets its timers only when the block before it has been
        applied. If the timers of all blocks fired at once, a runner would hold all that they emit
        in memory.

        Raises:
            ShardCountError: the state belongs to a job with another number of shards.
        """
        frame = BufferedFrame.read(element[1])
        buffer.add(frame.encoded)
        if not frame.is_block:
            # Every shard gets rankings, so that a shard of another job's state is found here.
            self._progress(progress_state)
            cleanup = -(-frame.last // CLEANUP_PERIOD) * CLEANUP_PERIOD
            timers.set(cleanup, dynamic_timer_tag=str(cleanup))
            if self._forgotten is not None and self._rules.rewards.every_minute:
                # In a stream, a shard without events forgets users too.
                time = self._rules.schedule.at_or_after(frame.ready_at)
                timers.set(time, dynamic_timer_tag=str(time))
            return
        if frame.rows >= LARGE_BLOCK_ROWS:
            if large_block.read():
                return
            large_block.write(True)
        self._set_timers(frame, timers)

    @on_timer(RANKING)
    @USERS.given_to
    def fire(
        self,
        shard: int = beam.DoFn.KeyParam,
        tag: str = beam.DoFn.DynamicTimerTagParam,
        recent_state: Any = beam.DoFn.StateParam(RECENT),
        table_state: Any = beam.DoFn.StateParam(TABLE),
        bought_state: Any = beam.DoFn.StateParam(BOUGHT),
        progress_state: Any = beam.DoFn.StateParam(PROGRESS),
        buffer: Any = beam.DoFn.StateParam(BUFFER),
        large_block: Any = beam.DoFn.StateParam(LARGE_BLOCK),
        timers: Any = beam.DoFn.TimerParam(RANKING),
        **states: Any,
    ) -> Iterator[Any]:
        """Applies the blocks before the timer's time and emits the requests up to it.

        Raises:
            ShardCountError: the state belongs to a job with another number of shards.
        """
        progress = self._progress(progress_state)
        done, sequence = progress.complete_until, progress.next_sequence
        if int(tag) <= done:
            return
        ready = pop_ready(buffer, int(tag), done)
        if ready is None:
            return
        rules, complete_until, events = self._rules, ready.complete_until, ready.events
        tombstones, known = self._tombstones(progress, complete_until, shard)
        kept = kept_after(rules, complete_until, tombstones)
        table = StoredTable(TablePlace(self._layout, self.USERS, states, shard, self._limits))
        if table.is_new:
            self._move(table_state, bought_state, table, kept)
        recent = self._recent(recent_state, table, done)
        histories, bought = table.rows_of(union(recent.user, events.user))
        update = HistoryUpdate(histories, events, rules.schedule, done, rules.ttl, tombstones)
        seconds = rules.exclude_bought
        purchases = Purchases(bought, events, seconds) if seconds else None
        rankings = Rankings([progress.rankings, *ready.rankings], rules.popular_size)
        for request in work_units_of(
            update.due(complete_until, purchases),
            events,
            rankings,
            rules.minimum,
            sequence,
            complete_until,
            purchases,
            tombstones,
        ):
            # Pending timers after `done` hold the output watermark. This timestamp keeps the hold
            # for results of their times until the unit has been processed.
            yield TimestampedValue((shard, request), max(done, 0))
            sequence += 1
        if len(events) or len(tombstones):
            new = tombstones.kept(purchases.new) if purchases else BoughtTable.empty()
            rows = update.changed(), new.counting_after(complete_until, seconds)
            table.add(rows, kept, tombstones.users)
            recent_state.write(update.recent(complete_until))
            self._state_bytes.update(table.nbytes)
        needed = rankings.needed_after(complete_until)
        progress_state.write(
            EmissionProgress.of(complete_until, sequence, self._shards, needed, known)
        )
        self._start_next_large_block(ready.blocks, large_block, timers)

    def _move(
        self, table_state: Any, bought_state: Any, table: StoredTable, kept: Callable[[Rows], Rows]
    ) -> None:
        """Moves what an earlier version wrote into the table."""
        histories, bought = table_state.read(), bought_state.read()
        if histories is not None:
            histories = histories.resized(self._rules.size)
            table.add((histories, BoughtTable.empty() if bought is None else bought), kept)
            table_state.clear()
            bought_state.clear()

    def _recent(self, state: Any, table: StoredTable, done: int) -> RecentUsers:
        """The users who may have a ranking time after `done`."""
        schedule = self._rules.schedule
        recent: RecentUsers | None = state.read()
        if recent is None or recent.window[0] < schedule.window:
            # A resumed job may have a longer window.
            histories, _ = table.rows()
            return RecentUsers.of(histories.user, histories.last, schedule, done)
        return recent

    def _tombstones(self, progress: EmissionProgress, until: int, shard: int) -> Found:
        """Whom the step up to `until` forgets."""
        if self._forgotten is None:
            return NO_TOMBSTONES, progress.tombstones
        timeline = loaded(self._forgotten).at(until)
        return timeline.applied(
            progress.complete_until, until, progress.tombstones, shard, self._shards
        )

    def _progress(self, state: Any) -> EmissionProgress:
        progress: EmissionProgress | None = state.read()
        if progress is None:
            return EmissionProgress.initial(self._shards)
        progress.check_shards(self._shards)
        return progress

    def _set_timers(self, block: BufferedFrame, timers: Any) -> None:
        """Sets a timer at each ranking time and reward report that the block's events cause."""
        schedule = self._rules.schedule
        # The first timer is after the whole block; it also emits the requests inside the block.
        first = schedule.at_or_after(block.ready_at)
        last = max(schedule.last_for(block.last), first)
        reports = self._rules.rewards.report_times(schedule.at_or_after(block.start + 1), last)
        for time in {*range(first, last + 1, schedule.period), *reports}:
            if time >= first:
                timers.set(time, dynamic_timer_tag=str(time))

    def _start_next_large_block(
        self, buffered: Sequence[BufferedFrame], large_block: Any, timers: Any
    ) -> None:
        """Sets the timers of the next large block, if there is one."""
        large = [block for block in buffered if block.rows >= LARGE_BLOCK_ROWS]
        if large:
            self._set_timers(min(large, key=lambda block: block.start), timers)
        elif large_block.read():
            large_block.clear()
