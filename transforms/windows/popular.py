"""Popular items: sliding windows through panes (spec section 3).

Each event is counted once, in a pane as long as the greatest common divisor of the window
and its period; the panes' counts, not the events, go into Beam's SlidingWindows and are
merged there. With the defaults an event is touched once, where a window per event would
touch it 45 times.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import apache_beam as beam
import numpy as np
from apache_beam.metrics import Metrics
from apache_beam.transforms.window import (
    FixedWindows,
    GlobalWindows,
    IntervalWindow,
    SlidingWindows,
    TimestampedValue,
)

from transforms.bundles import CollectBundle
from transforms.columns.packing import order, pack
from transforms.columns.ranges import run_starts
from transforms.messages.events import EventBatch, Int64s
from transforms.messages.popular import ItemCounts, PopularRows
from transforms.windows.panes import pane_seconds


class MergeCounts(beam.CombineFn):
    """Adds counts up. Accumulators are joined as they come and merged when they have grown."""

    def create_accumulator(self) -> list[ItemCounts]:
        """Nothing yet."""
        return []

    def add_input(self, accumulator: list[ItemCounts], counts: ItemCounts) -> list[ItemCounts]:
        """Keeps `counts` for later."""
        accumulator.append(counts)
        return self.compact(accumulator) if len(accumulator) >= 64 else accumulator

    def merge_accumulators(self, accumulators: Iterable[list[ItemCounts]]) -> list[ItemCounts]:
        """Joins them; none at all is nothing (Flink fires empty panes)."""
        return self.compact([counts for parts in accumulators for counts in parts])

    def compact(self, accumulator: list[ItemCounts]) -> list[ItemCounts]:
        """One table in place of many."""
        if len(accumulator) < 2:
            return accumulator
        return [ItemCounts.concat(accumulator).merged()]

    def extract_output(self, accumulator: list[ItemCounts]) -> ItemCounts:
        """All the counts, each item once."""
        if not accumulator:
            return ItemCounts(np.empty(0, np.int64), np.empty(0, np.int64))
        return ItemCounts.concat(accumulator).merged()


def top_rows(window_end: int, counts: ItemCounts, size: int) -> PopularRows:
    """The `size` items with the most events, by count, ties by the smaller item id."""
    if len(counts) > 4 * size:  # Only what can be in the list is worth sorting.
        bar = np.partition(counts.count, -size)[-size]
        counts = counts.take(counts.count >= bar)
    best = np.lexsort((counts.item, -counts.count))[:size]
    rank = np.arange(1, len(best) + 1, dtype=np.int64)
    return PopularRows(
        np.full(len(best), window_end, np.int64), rank, counts.item[best], counts.count[best]
    )


@dataclass(eq=False)
class PopularItems(beam.PTransform):
    """Closed blocks to rankings: (shard, EventBatch) to PopularRows of whole windows.

    Attributes:
        window: seconds that a window spans.
        period: seconds between the ends of two windows.
        size: items in a ranking.
    """

    window: int
    period: int
    size: int

    def expand(
        self, blocks: beam.PCollection[tuple[int, EventBatch]]
    ) -> beam.PCollection[PopularRows]:
        """Count in panes, merge the panes per window, rank."""
        pane = pane_seconds(self.window, self.period)
        return (
            blocks
            | "Count in panes" >> beam.ParDo(_CountInPanes(pane))
            | "Panes" >> beam.WindowInto(FixedWindows(pane))
            | "Merge shards" >> beam.CombinePerKey(MergeCounts())
            # It is the windows' ends that are multiples of the period.
            | "Slide"
            >> beam.WindowInto(
                SlidingWindows(self.window, self.period, offset=-self.window % self.period)
            )
            # A key with many windows is quadratic on the Python runners.
            | "Key by window" >> beam.ParDo(_KeyByWindow())
            | "Merge panes" >> beam.CombinePerKey(MergeCounts())
            | "Rank" >> beam.ParDo(_Rank(self.size))
            | "Rankings to global" >> beam.WindowInto(GlobalWindows())
            | "Collect rankings"
            >> beam.ParDo(CollectBundle(PopularRows)).with_output_types(PopularRows)
        )


def _counted(pane: Int64s, item: Int64s) -> tuple[Int64s, Int64s, Int64s]:
    """The different (pane, item), ascending, and how often each is there."""
    size = len(item)
    packed = pack(pane, item)
    if packed is None:
        place = order(pane, item)
        pane, item = pane[place], item[place]
        starts = run_starts(pane, item)
        pane, item = pane[starts], item[starts]
    else:
        key = packed.key
        key.sort()
        starts = run_starts(key)
        pane, item = packed.columns(key[starts])
    return pane, item, np.diff(np.append(starts, size))


@beam.typehints.with_output_types(tuple[int, ItemCounts])
class _CountInPanes(beam.DoFn):
    """Counts a block's events by pane and item; the key is the pane's number."""

    def __init__(self, pane: int) -> None:
        self._pane = pane

    def process(self, block: tuple[int, EventBatch]) -> Iterator[Any]:
        _, events = block
        pane, item, count = _counted(events.time // self._pane, events.item)
        edges = [*run_starts(pane).tolist(), len(pane)]
        for start, end in pairwise(edges):
            number = int(pane[start])
            counts = ItemCounts(item[start:end], count[start:end])
            yield TimestampedValue((number, counts), (number + 1) * self._pane - 0.001)


@beam.typehints.with_output_types(tuple[int, ItemCounts])
class _KeyByWindow(beam.DoFn):
    def process(
        self, pane: tuple[int, ItemCounts], window: IntervalWindow = beam.DoFn.WindowParam
    ) -> Iterator[tuple[int, ItemCounts]]:
        yield window.end.seconds(), pane[1]


@beam.typehints.with_output_types(PopularRows)
class _Rank(beam.DoFn):
    def __init__(self, size: int) -> None:
        self._size = size
        self._windows = Metrics.counter("rivulet", "windows")

    def process(self, window: tuple[int, ItemCounts]) -> Iterator[PopularRows]:
        window_end, counts = window
        if len(counts):
            self._windows.inc()
            yield top_rows(window_end, counts, self._size)
