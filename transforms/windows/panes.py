"""Closes panes: complete, sorted blocks of distinct events.

Events are grouped by shard of users and by pane. A pane is a fixed window, as long as the
greatest common divisor of all windows and periods. When the watermark passes the end of a pane,
its group is sorted, freed of duplicates and emitted. Later steps need not handle disorder,
duplicates or incomplete data.

The watermark of files advances once, when all is read: all panes would close at that time, in
any order. For files a group is therefore all events of a shard. It is emitted in blocks, which
are runs of consecutive panes with about `BLOCK_ROWS` events. Later steps take blocks of any number
of panes, with identical results.

The grouped values are encoded batches, so that a runner keeps them in their compact form.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import apache_beam as beam
import numpy as np
from apache_beam.transforms.trigger import AccumulationMode, AfterCount, AfterWatermark
from apache_beam.transforms.window import FixedWindows, GlobalWindows, TimestampedValue
from apache_beam.utils.timestamp import Duration
from apache_beam.utils.windowed_value import PaneInfoTiming

from transforms.columns.frames import FrameCoder
from transforms.columns.hashing import shard_of
from transforms.columns.packing import order
from transforms.columns.ranges import run_starts, runs
from transforms.messages.events import EventBatch
from transforms.progress import SHARED_PROGRESS, ProgressCounters
from transforms.shards.keys import shard_keys

_CODER = FrameCoder(EventBatch)

BLOCK_ROWS = 250_000
"""Approximate number of events in a block of files: bounds the memory of later steps."""


def pane_seconds(*spans: int) -> int:
    """The length of a pane for windows and periods of these lengths, in seconds."""
    return math.gcd(*spans)


class ClosedPanes(NamedTuple):
    """Outputs of `ClosePanes`.

    Attributes:
        blocks: (shard, EventBatch): whole panes, by (user, time, item), without duplicates.
        late: events that arrived after their pane was closed.
    """

    blocks: beam.PCollection[tuple[int, EventBatch]]
    late: beam.PCollection[EventBatch]


@dataclass(eq=False)
class ClosePanes(beam.PTransform):
    """EventBatches in order of arrival to complete, sorted blocks without duplicates.

    Attributes:
        pane: seconds of event time in a pane; blocks start and end on its multiples.
        shards: number of shards of users.
        bounded: whether the input is files, whose watermark advances once at the end.
        allowed_lateness: seconds of event time after a pane's end for which its late events are
            still received.
        progress: the job's counters.
        keep_values: whether the blocks' events keep their values. Ids of their own are not needed
            any more.
    """

    pane: int
    shards: int
    bounded: bool
    allowed_lateness: int = 3600
    progress: ProgressCounters = SHARED_PROGRESS
    keep_values: bool = False

    def expand(self, events: beam.PCollection[EventBatch]) -> ClosedPanes:
        """Group by shard and pane, and close."""
        split = events | "Split" >> beam.ParDo(_SplitByPane(self.pane, self.shards, self.bounded))
        if not self.bounded:
            split = split | "Into panes" >> beam.WindowInto(
                FixedWindows(self.pane),
                trigger=AfterWatermark(late=AfterCount(1)),
                accumulation_mode=AccumulationMode.DISCARDING,
                allowed_lateness=Duration(self.allowed_lateness),
            )
        close = _ClosePane(self.pane, self.shards, self.progress, keep_values=self.keep_values)
        closed = (
            split
            | "Group" >> beam.GroupByKey()
            | "Close" >> beam.ParDo(close).with_outputs("late", main="on_time")
        )
        return ClosedPanes(
            closed.on_time | "Blocks to global" >> beam.WindowInto(GlobalWindows()),
            closed.late | "Late to global" >> beam.WindowInto(GlobalWindows()),
        )


@beam.typehints.with_output_types(tuple[int, bytes])
class _SplitByPane(beam.DoFn):
    """Splits a batch by shard and, in a stream, by pane.

    The pane is part of the key: Beam's Python runners take quadratic time for a key with many
    windows.
    """

    def __init__(self, pane: int, shards: int, bounded: bool) -> None:
        self._pane, self._shards, self._bounded = pane, shards, bounded

    def process(self, batch: EventBatch) -> Iterator[Any]:
        shard = shard_of(batch.user, self._shards)
        key = shard if self._bounded else batch.time // self._pane * self._shards + shard
        by_key = order(key)
        ordered = batch.take(by_key)
        for value, rows in runs(key[by_key]):
            keyed = value, _CODER.encode(ordered.take(rows))
            if self._bounded:
                yield keyed
            else:
                yield TimestampedValue(keyed, value // self._shards * self._pane)


@beam.typehints.with_output_types(tuple[int, EventBatch], late=EventBatch)
class _ClosePane(beam.DoFn):
    """Sorts a group, drops its duplicates and separates late events from those in time."""

    def __init__(
        self,
        pane: int,
        shards: int,
        progress: ProgressCounters = SHARED_PROGRESS,
        *,
        keep_values: bool = False,
    ) -> None:
        self._pane, self._shards, self._progress = pane, shards, progress
        self._keep_values = keep_values
        self._duplicates = progress.metric("duplicates")
        self._closed = progress.metric("closed")

    def process(
        self,
        group: tuple[int, Iterable[bytes]],
        pane_info: Any = beam.DoFn.PaneInfoParam,
    ) -> Iterator[Any]:
        key, encoded = group
        batches = [_CODER.decode(batch) for batch in encoded]
        if not batches:  # Flink fires empty panes, too.
            return
        events = EventBatch.concat(batches)
        late = pane_info.timing == PaneInfoTiming.LATE
        shard_key = shard_keys(self._shards)[key % self._shards]
        for block in self._blocks(events):
            # From here on events need no ids of their own.
            distinct = block.ordered()
            distinct = distinct.with_values() if self._keep_values else distinct.plain()
            self._duplicates.inc(len(block) - len(distinct))
            self._progress.add("duplicates", len(block) - len(distinct))
            if late:
                yield beam.pvalue.TaggedOutput("late", distinct)
                continue
            self._closed.inc(len(distinct))
            self._progress.add("closed", len(distinct))
            end = (int(distinct.time.max()) // self._pane + 1) * self._pane
            self._progress.reach("closed_to", end)
            # Inside the pane, and before any timer at its end.
            yield TimestampedValue((shard_key, distinct), end - 0.001)

    def _blocks(self, events: EventBatch) -> Iterator[EventBatch]:
        if len(events) <= BLOCK_ROWS:
            yield events
            return
        pane = events.time // self._pane
        by_pane = order(pane)
        pane = pane[by_pane]
        starts = run_starts(pane)
        # A pane belongs to the block in which it starts.
        counts = np.diff(np.append(starts, len(events)))
        block = np.repeat(starts // BLOCK_ROWS, counts)
        for _, rows in runs(block):
            yield events.take(by_pane[rows])
