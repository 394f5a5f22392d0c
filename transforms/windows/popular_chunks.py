"""Popular items of files: rankings over sliding windows, a chunk of event time at a time.

The watermark of files advances once, when all is read. Beam's SlidingWindows would then hold the
counts of all windows at once: the items of every window of the whole input. Instead the panes'
counts are grouped by chunk, a few windows long. One pass over a chunk keeps running counts: from
one window to the next it adds the new panes and subtracts those that have left.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import apache_beam as beam
import numpy as np
from apache_beam.metrics import Metrics
from apache_beam.transforms.window import TimestampedValue

from transforms.catalogue.source import CatalogueSource
from transforms.columns.frames import FrameCoder
from transforms.columns.packing import order
from transforms.columns.ranges import expand_ranges, run_starts
from transforms.histories.schedule import Schedule
from transforms.messages.events import EventBatch, Int64s
from transforms.messages.popular import ItemCounts, PopularRows
from transforms.windows.item_counts import PaneCounts, available, top_rows
from transforms.windows.panes import pane_seconds

CHUNK_WINDOWS = 4
"""Length of a chunk, in windows. A chunk needs the events of one window more."""

_CODER = FrameCoder(PaneCounts)


@dataclass(eq=False)
class RankChunks(beam.PTransform):
    """(shard, closed block) of files to PopularRows of whole windows.

    Attributes:
        window: seconds of event time in a window.
        period: seconds of event time between the ends of two windows.
        size: largest number of items in a ranking.
        cap: largest number of a user's events on an item that count in a window; 0 for no limit.
        catalogue: items that are not available at a window's end are not ranked.
    """

    window: int
    period: int
    size: int
    cap: int
    catalogue: CatalogueSource | None = None

    def expand(
        self, blocks: beam.PCollection[tuple[int, EventBatch]]
    ) -> beam.PCollection[PopularRows]:
        """Count in panes, group by chunk, rank."""
        return (
            blocks
            | "Count in panes" >> beam.ParDo(_CountInChunks(self.window, self.period, self.cap))
            | "Group by chunk" >> beam.GroupByKey()
            | "Rank chunk"
            >> beam.ParDo(_RankChunk(self.window, self.period, self.size, self.cap, self.catalogue))
        )


@beam.typehints.with_output_types(tuple[int, bytes])
class _CountInChunks(beam.DoFn):
    """Counts a block's events in panes, and assigns panes to the chunks that need them.

    A chunk has the windows whose ends are in (number * length, (number + 1) * length]. Counts are
    encoded, so that a runner keeps them in their compact form.
    """

    def __init__(self, window: int, period: int, cap: int) -> None:
        self._pane, self._cap = pane_seconds(window, period), cap
        self._window = window // self._pane
        self._length = CHUNK_WINDOWS * self._window

    def process(self, block: tuple[int, EventBatch]) -> Iterator[tuple[int, bytes]]:
        counts = PaneCounts.of(block[1], self._pane, self._cap)
        # Pane p is in the windows that end, in panes, in [p + 1, p + window].
        first = counts.pane // self._length
        last = (counts.pane + self._window - 1) // self._length
        row, chunk = expand_ranges(first, last + 1)
        by_chunk = order(chunk)
        row, chunk = row[by_chunk], chunk[by_chunk]
        edges = np.append(run_starts(chunk), len(chunk)).tolist()
        for start, end in pairwise(edges):
            yield int(chunk[start]), _CODER.encode(counts.take(row[start:end]))


@beam.typehints.with_output_types(PopularRows)
class _RankChunk(beam.DoFn):
    """Ranks all windows of a chunk."""

    def __init__(
        self, window: int, period: int, size: int, cap: int, catalogue: CatalogueSource | None
    ) -> None:
        self._window, self._period, self._size, self._cap = window, period, size, cap
        self._catalogue = catalogue
        self._chunk = CHUNK_WINDOWS * window
        self._windows = Metrics.counter("rivulet", "windows")

    def process(self, group: tuple[int, Iterable[bytes]]) -> Iterator[Any]:
        number, encoded = group
        counts = PaneCounts.concat([_CODER.decode(part) for part in encoded])
        after, until = number * self._chunk, (number + 1) * self._chunk
        ranked = rank_windows(
            counts, self._window, self._period, self._size, self._cap, after, until, self._catalogue
        )
        windows = [rows for rows in ranked if len(rows)]
        if windows:
            self._windows.inc(len(windows))
            rows = PopularRows.concat(windows)
            yield TimestampedValue(rows, int(rows.window_end[0]) - 0.001)


def rank_windows(
    counts: PaneCounts,
    window: int,
    period: int,
    size: int,
    cap: int,
    after: int,
    until: int,
    catalogue: CatalogueSource | None = None,
) -> Iterator[PopularRows]:
    """Ranks the windows that have events and whose ends are in (after, until].

    Args:
        counts: at least one row; equal (pane, user, item) may occur several times.
        window: seconds of event time in a window.
        period: seconds of event time between the ends of two windows.
        size: largest number of items in a ranking.
        cap: largest number of a user's events on an item that count in a window; 0 for no limit.
        after: seconds since the epoch.
        until: seconds since the epoch.
        catalogue: items that are not available at a window's end are not ranked.
    """
    pane = pane_seconds(window, period)
    running = _RunningCounts(counts.take(order(counts.pane)), cap)
    starts = np.unique(counts.pane) * pane
    _, ends = Schedule(window, period).due(np.zeros_like(starts), starts, after, until)
    for end in ends.tolist():
        running.move((end - window) // pane, end // pane)
        yield top_rows(end, available(running.items(), end, catalogue, size), size)


class _RunningCounts:
    """Counts by item of a range of panes, which only moves forward.

    Args:
        counts: sorted by pane.
        cap: as in `rank_windows`.
    """

    def __init__(self, counts: PaneCounts, cap: int) -> None:
        self._pane, self._count, self._cap = counts.pane, counts.count, cap
        self._names = counts.own_names()
        self._distinct, self._item = np.unique(counts.item, return_inverse=True)
        self._total = np.zeros(len(self._distinct), np.int64)
        self._added = self._removed = 0
        if cap:
            self._pair = _pair_numbers(counts.user, self._item)
            self._pair_total = np.zeros(int(self._pair.max()) + 1, np.int64)

    def move(self, start: int, end: int) -> None:
        """Moves to the panes [start, end)."""
        removed = int(np.searchsorted(self._pane, start))
        added = int(np.searchsorted(self._pane, end))
        self._apply(slice(self._added, added), 1)
        self._apply(slice(self._removed, removed), -1)
        self._added, self._removed = added, removed

    def items(self) -> ItemCounts:
        """The counts of the items that have any, items ascending."""
        held = np.flatnonzero(self._total)
        return ItemCounts(self._distinct[held], self._total[held]).named(self._names)

    def _apply(self, rows: slice, sign: int) -> None:
        item, change = self._item[rows], sign * self._count[rows]
        if self._cap:
            pair, first = np.unique(self._pair[rows], return_index=True)
            before = np.minimum(self._pair_total[pair], self._cap)
            np.add.at(self._pair_total, self._pair[rows], change)
            item, change = item[first], np.minimum(self._pair_total[pair], self._cap) - before
        np.add.at(self._total, item, change)


def _pair_numbers(user: Int64s, item: Int64s) -> Int64s:
    """A number for each distinct pair: int64 [n]."""
    rows = order(user, item)
    numbers = np.empty(len(rows), np.int64)
    starts = run_starts(user[rows], item[rows])
    sizes = np.diff(np.append(starts, len(rows)))
    numbers[rows] = np.repeat(np.arange(len(starts)), sizes)
    return numbers
