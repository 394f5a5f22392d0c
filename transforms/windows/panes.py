"""Closed panes: where time is dealt with, once.

Events are cut by shard of users and by pane (fixed windows of the greatest common divisor
of every window and period) and grouped. When the watermark passes a pane's end, the group
is freed of duplicates, ordered and emitted. Downstream of here everything is complete,
ordered by blocks and free of duplicates, and so is simple.

Of files the watermark stands until all is read, so that all panes would be closed in one
moment and in no order. For them the group is all that a shard has, and it is emitted in
blocks: runs of neighbouring panes with up to `BLOCK_ROWS` events. What follows works on
any number of panes at once and cannot tell the difference, but for the speed.

What is grouped are batches as bytes: a runner holds them as narrow as they are on the wire.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import apache_beam as beam
import numpy as np
from apache_beam.metrics import Metrics
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
"""Events in a closed block of a bounded input, about: bounds the memory of a step."""


def pane_seconds(*spans: int) -> int:
    """The pane for windows and periods of these lengths: their greatest common divisor."""
    return math.gcd(*spans)


class ClosedPanes(NamedTuple):
    """What `ClosePanes` gives.

    Attributes:
        blocks: (shard, EventBatch): whole panes, by (user, time, item), no duplicates.
        late: events that came after their pane was closed.
    """

    blocks: beam.PCollection[tuple[int, EventBatch]]
    late: beam.PCollection[EventBatch]


@dataclass(eq=False)
class ClosePanes(beam.PTransform):
    """Turns batches in order of arrival into complete, ordered, duplicate-free blocks.

    Attributes:
        pane: seconds of event time in a pane; blocks begin and end on its multiples.
        shards: how many shards the users are dealt to.
        bounded: the input is files, whose watermark stands until all is read.
        allowed_lateness: seconds for which a closed pane is remembered, so that its late
            events can be told from others.
        progress: the job's counters.
    """

    pane: int
    shards: int
    bounded: bool
    allowed_lateness: int = 3600
    progress: ProgressCounters = SHARED_PROGRESS

    def expand(self, events: beam.PCollection[EventBatch]) -> ClosedPanes:
        """Cut by shard and pane, group, close."""
        cut = events | "Cut" >> beam.ParDo(_Cut(self.pane, self.shards, self.bounded))
        if not self.bounded:
            cut = cut | "Into panes" >> beam.WindowInto(
                FixedWindows(self.pane),
                trigger=AfterWatermark(late=AfterCount(1)),
                accumulation_mode=AccumulationMode.DISCARDING,
                allowed_lateness=Duration(self.allowed_lateness),
            )
        close = _Close(self.pane, self.shards, self.progress)
        closed = (
            cut
            | "Group" >> beam.GroupByKey()
            | "Close" >> beam.ParDo(close).with_outputs("late", main="on_time")
        )
        return ClosedPanes(
            closed.on_time | "Blocks to global" >> beam.WindowInto(GlobalWindows()),
            closed.late | "Late to global" >> beam.WindowInto(GlobalWindows()),
        )


@beam.typehints.with_output_types(tuple[int, bytes])
class _Cut(beam.DoFn):
    """Cuts a batch by shard and, where the input is unbounded, by pane.

    The pane is part of the key: a key with many windows is quadratic on the Python runners.
    """

    def __init__(self, pane: int, shards: int, bounded: bool) -> None:
        self._pane, self._shards, self._bounded = pane, shards, bounded

    def process(self, batch: EventBatch) -> Iterator[Any]:
        shard = shard_of(batch.user, self._shards)
        key = shard if self._bounded else batch.time // self._pane * self._shards + shard
        place = order(key)
        ordered = batch.take(place)
        for cut, rows in runs(key[place]):
            part = cut, _CODER.encode(ordered.take(rows))
            if self._bounded:
                yield part
            else:
                yield TimestampedValue(part, cut // self._shards * self._pane)


@beam.typehints.with_output_types(tuple[int, EventBatch], late=EventBatch)
class _Close(beam.DoFn):
    """Orders a group, drops its duplicates and tells on time from late."""

    def __init__(
        self, pane: int, shards: int, progress: ProgressCounters = SHARED_PROGRESS
    ) -> None:
        self._pane, self._shards, self._progress = pane, shards, progress
        self._duplicates = Metrics.counter("rivulet", "duplicates")
        self._closed = Metrics.counter("rivulet", "closed")

    def process(
        self,
        group: tuple[int, Iterable[bytes]],
        pane_info: Any = beam.DoFn.PaneInfoParam,
    ) -> Iterator[Any]:
        key, parts = group
        batches = [_CODER.decode(part) for part in parts]
        if not batches:  # Flink also fires empty panes.
            return
        events = EventBatch.concat(batches)
        late = pane_info.timing == PaneInfoTiming.LATE
        shard_key = shard_keys(self._shards)[key % self._shards]
        for block in self._blocks(events):
            different = block.ordered()
            self._duplicates.inc(len(block) - len(different))
            self._progress.add("duplicates", len(block) - len(different))
            if late:
                yield beam.pvalue.TaggedOutput("late", different)
                continue
            self._closed.inc(len(different))
            self._progress.add("closed", len(different))
            end = (int(different.time.max()) // self._pane + 1) * self._pane
            self._progress.reach("closed_to", end)
            # A pane's last moment: before any timer at its end, and inside the pane.
            yield TimestampedValue((shard_key, different), end - 0.001)

    def _blocks(self, events: EventBatch) -> Iterator[EventBatch]:
        if len(events) <= BLOCK_ROWS:
            yield events
            return
        pane = events.time // self._pane
        place = order(pane)
        pane = pane[place]
        starts = run_starts(pane)
        # A pane belongs to the block in which it begins.
        counts = np.diff(np.append(starts, len(events)))
        block = np.repeat(starts // BLOCK_ROWS, counts)
        for _, rows in runs(block):
            yield events.take(place[rows])
