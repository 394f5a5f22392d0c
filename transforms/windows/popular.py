"""Popular items: rankings over sliding windows (spec section 3).

Each event is counted once, in a pane as long as the greatest common divisor of the window and its
period. Windows are made of the panes' counts, not of events. With the defaults, a window of
60 minutes every 80 s, an event would otherwise be counted 45 times.

In a stream the panes' counts go into Beam's SlidingWindows, so that each window is ranked when
the watermark passes its end. For files see `popular_chunks`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import apache_beam as beam
from apache_beam.metrics import Metrics
from apache_beam.transforms.window import (
    FixedWindows,
    GlobalWindows,
    IntervalWindow,
    SlidingWindows,
    TimestampedValue,
)

from transforms.bundles import CollectBundle
from transforms.catalogue.source import CatalogueSource
from transforms.columns.ranges import run_starts
from transforms.messages.events import EventBatch
from transforms.messages.popular import ItemCounts, PopularRows
from transforms.windows.item_counts import (
    MergeCappedCounts,
    MergeCounts,
    PaneCounts,
    available,
    top_rows,
)
from transforms.windows.panes import pane_seconds
from transforms.windows.popular_chunks import RankChunks


@dataclass(eq=False)
class PopularItems(beam.PTransform):
    """(shard, closed block) to PopularRows of whole windows.

    Attributes:
        window: seconds of event time in a window.
        period: seconds of event time between the ends of two windows.
        size: largest number of items in a ranking.
        bounded: whether the input is files, whose watermark advances once at the end.
        cap: largest number of a user's events on an item that count in a window; 0 for no limit.
            It is exact. A capped count is kept by user and item: up to 25 bytes an event.
        catalogue: items that are not available at a window's end are not ranked.
    """

    window: int
    period: int
    size: int
    bounded: bool = False
    cap: int = 0
    catalogue: CatalogueSource | None = None

    def expand(
        self, blocks: beam.PCollection[tuple[int, EventBatch]]
    ) -> beam.PCollection[PopularRows]:
        """Count in panes, add up the panes of each window, rank."""
        if self.bounded:
            rankings = blocks | "Chunks" >> RankChunks(
                self.window, self.period, self.size, self.cap, self.catalogue
            )
        else:
            rankings = (
                self._counted_windows(blocks)
                | "Rank" >> beam.ParDo(_Rank(self.size, self.catalogue))
                | "Rankings to global" >> beam.WindowInto(GlobalWindows())
            )
        collect = beam.ParDo(CollectBundle(PopularRows)).with_output_types(PopularRows)
        collected: beam.PCollection[PopularRows] = rankings | "Collect rankings" >> collect
        return collected

    def _counted_windows(
        self, blocks: beam.PCollection[tuple[int, EventBatch]]
    ) -> beam.PCollection[tuple[int, ItemCounts]]:
        """(window end, counts of the whole window), in the window."""
        pane = pane_seconds(self.window, self.period)
        # The ends of windows, not their starts, are multiples of the period.
        windows = SlidingWindows(self.window, self.period, offset=-self.window % self.period)
        counted = blocks | "Count in panes" >> beam.ParDo(_CountInPanes(pane, self.cap))
        if self.cap:
            by_window = (
                counted
                | "Slide" >> beam.WindowInto(windows)
                # Beam's Python runners take quadratic time for a key with many windows.
                | "Key by shard and window" >> beam.ParDo(_KeyByShardAndWindow())
                | "Merge panes of a shard" >> beam.CombinePerKey(MergeCappedCounts(self.cap))
                | "Window of shard" >> beam.Map(_without_shard)
            )
        else:
            by_window = (
                counted
                | "Panes" >> beam.WindowInto(FixedWindows(pane))
                | "Key by pane" >> beam.Map(_by_pane)
                | "Merge shards" >> beam.CombinePerKey(MergeCounts())
                | "Slide" >> beam.WindowInto(windows)
                | "Key by window" >> beam.ParDo(_KeyByWindow())
            )
        merged: beam.PCollection[tuple[int, ItemCounts]] = (
            by_window | "Merge counts" >> beam.CombinePerKey(MergeCounts())
        )
        return merged


@beam.typehints.with_output_types(tuple[int, PaneCounts])
class _CountInPanes(beam.DoFn):
    """Counts a block's events: an element (shard, counts) per pane, inside the pane."""

    def __init__(self, pane: int, cap: int) -> None:
        self._pane, self._cap = pane, cap

    def process(self, block: tuple[int, EventBatch]) -> Iterator[Any]:
        shard, events = block
        counts = PaneCounts.of(events, self._pane, self._cap)
        edges = [*run_starts(counts.pane).tolist(), len(counts)]
        for start, end in pairwise(edges):
            pane_end = (int(counts.pane[start]) + 1) * self._pane
            yield TimestampedValue((shard, counts.take(slice(start, end))), pane_end - 0.001)


def _by_pane(element: tuple[int, PaneCounts]) -> tuple[int, ItemCounts]:
    counts = element[1]
    return int(counts.pane[0]), ItemCounts(counts.item, counts.count).named(counts.names)


def _without_shard(element: tuple[tuple[int, int], ItemCounts]) -> tuple[int, ItemCounts]:
    (_, window_end), counts = element
    return window_end, counts


@beam.typehints.with_output_types(tuple[int, ItemCounts])
class _KeyByWindow(beam.DoFn):
    def process(
        self, pane: tuple[int, ItemCounts], window: IntervalWindow = beam.DoFn.WindowParam
    ) -> Iterator[tuple[int, ItemCounts]]:
        yield window.end.seconds(), pane[1]


@beam.typehints.with_output_types(tuple[tuple[int, int], PaneCounts])
class _KeyByShardAndWindow(beam.DoFn):
    def process(
        self, pane: tuple[int, PaneCounts], window: IntervalWindow = beam.DoFn.WindowParam
    ) -> Iterator[tuple[tuple[int, int], PaneCounts]]:
        yield (pane[0], window.end.seconds()), pane[1]


@beam.typehints.with_output_types(PopularRows)
class _Rank(beam.DoFn):
    def __init__(self, size: int, catalogue: CatalogueSource | None) -> None:
        self._size, self._catalogue = size, catalogue
        self._windows = Metrics.counter("rivulet", "windows")

    def process(self, window: tuple[int, ItemCounts]) -> Iterator[PopularRows]:
        window_end, counts = window
        counts = available(counts, window_end, self._catalogue, self._size)
        if len(counts):
            self._windows.inc()
            yield top_rows(window_end, counts, self._size)
