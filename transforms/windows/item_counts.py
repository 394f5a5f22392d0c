"""Numbers of events by item: counting blocks, adding up counts, and ranking them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

import apache_beam as beam
import numpy as np

from transforms.catalogue.source import CatalogueSource
from transforms.columns.frames import Frame, FrameCoder, coded
from transforms.columns.id_names import item_ranks
from transforms.columns.packing import order, pack
from transforms.columns.ranges import run_starts
from transforms.loaded import loaded
from transforms.messages.events import EventBatch, Int64s
from transforms.messages.popular import ItemCounts, PopularRows

COMPACT_AT = 64
"""Number of tables in an accumulator at which they are added up."""


@coded
@dataclass(frozen=True, slots=True, eq=False)
class PaneCounts(Frame):
    """Numbers of events by pane, user and item.

    Attributes:
        pane: int64 [n], the pane's number: its start divided by its length.
        user: int64 [n]; 0 in all rows where users are not distinguished.
        item: int64 [n].
        count: int64 [n], their events.
    """

    USERS: ClassVar[tuple[str, ...]] = ("user",)
    ITEMS: ClassVar[tuple[str, ...]] = ("item",)

    pane: Int64s
    user: Int64s
    item: Int64s
    count: Int64s

    @staticmethod
    def of(events: EventBatch, pane: int, cap: int = 0) -> PaneCounts:
        """Counts a block's events; rows are distinct and sorted by (pane, user, item).

        Args:
            events: at least one.
            pane: seconds of event time in a pane.
            cap: largest count of a user's events on an item; 0 for none, and for counts that do
                not distinguish users.
        """
        number = events.time // pane
        user = events.user if cap else np.zeros_like(events.user)
        (number, user, item), count = distinct(number, user, events.item)
        found = PaneCounts(number, user, item, np.minimum(count, cap) if cap else count)
        return found.named(events.names)


def distinct(*columns: Int64s) -> tuple[list[Int64s], Int64s]:
    """The distinct rows of columns, sorted by the first one first, and how often each occurs."""
    size = len(columns[0])
    packed = pack(*columns)
    if packed is None:
        rows = order(*columns)
        found = [column[rows] for column in columns]
        starts = run_starts(*found)
        found = [column[starts] for column in found]
    else:
        key = packed.key
        key.sort()
        starts = run_starts(key)
        found = packed.columns(key[starts])
    return found, np.diff(np.append(starts, size))


class _AccumulatorCoder(beam.coders.Coder):
    """Encodes an accumulator, a list of frames, as one frame."""

    def __init__(self, merge: MergeFrames) -> None:
        self._merge = merge
        self._coder = FrameCoder(merge.frame_type)

    def encode(self, value: list[Any]) -> bytes:
        """Encodes an accumulator."""
        compacted = self._merge.compact(value)
        return self._coder.encode(compacted[0]) if compacted else b""

    def decode(self, encoded: bytes) -> list[Any]:
        """Decodes what `encode` wrote."""
        return [self._coder.decode(encoded)] if encoded else []

    def is_deterministic(self) -> bool:
        """Rows of a single frame may be in any order."""
        return False


class MergeFrames(beam.CombineFn):
    """Adds up frames. An accumulator is a list of frames, which are added up when they are many."""

    frame_type: type[Frame]

    def merged(self, frames: list[Any]) -> Any:
        """Adds up at least one frame."""
        raise NotImplementedError

    def create_accumulator(self) -> list[Any]:
        """No frames."""
        return []

    def add_input(self, accumulator: list[Any], frame: Any) -> list[Any]:
        """Adds a frame."""
        accumulator.append(frame)
        return self.compact(accumulator) if len(accumulator) >= COMPACT_AT else accumulator

    def merge_accumulators(self, accumulators: Iterable[list[Any]]) -> list[Any]:
        """Joins accumulators; there may be none, since Flink fires empty panes."""
        return self.compact([frame for frames in accumulators for frame in frames])

    def compact(self, accumulator: list[Any]) -> list[Any]:
        """Replaces several frames by one."""
        return accumulator if len(accumulator) < 2 else [self.merged(accumulator)]

    def get_accumulator_coder(self) -> beam.coders.Coder:
        """Encodes an accumulator in the compact format of columns."""
        return _AccumulatorCoder(self)


class MergeCounts(MergeFrames):
    """Adds up ItemCounts; the output has each item once, ascending."""

    frame_type = ItemCounts

    def merged(self, frames: list[ItemCounts]) -> ItemCounts:
        """Adds up at least one frame."""
        return ItemCounts.concat(frames).merged()

    def extract_output(self, accumulator: list[ItemCounts]) -> ItemCounts:
        """The counts."""
        if not accumulator:
            return ItemCounts(np.empty(0, np.int64), np.empty(0, np.int64))
        return self.merged(accumulator)


class MergeCappedCounts(MergeFrames):
    """Adds up PaneCounts of any panes to ItemCounts, with at most `cap` events of a user an item.

    Sums are capped as they are made. This is exact: the least of `cap` and a sum does not depend
    on whether partial sums were capped.

    Args:
        cap: largest count of a user's events on an item, at least 1.
    """

    frame_type = PaneCounts

    def __init__(self, cap: int) -> None:
        super().__init__()
        self._cap = cap

    def merged(self, frames: list[PaneCounts]) -> PaneCounts:
        """Adds up at least one frame; panes are not distinguished afterwards."""
        counts = PaneCounts.concat(frames)
        counts = counts.take(order(counts.user, counts.item))
        starts = run_starts(counts.user, counts.item)
        if not len(starts):
            return counts
        total = np.minimum(np.add.reduceat(counts.count, starts), self._cap)
        pane = np.zeros(len(starts), np.int64)
        whole = PaneCounts(pane, counts.user[starts], counts.item[starts], total)
        return whole.named(counts.names)

    def extract_output(self, accumulator: list[PaneCounts]) -> ItemCounts:
        """The counts by item."""
        if not accumulator:
            return ItemCounts(np.empty(0, np.int64), np.empty(0, np.int64))
        counts = self.merged(accumulator)
        return ItemCounts(counts.item, counts.count).named(counts.names).merged()


def available(
    counts: ItemCounts, time: int, catalogue: CatalogueSource | None, size: int
) -> ItemCounts:
    """The counts of items that are available at a time, among them those of the first places.

    Args:
        counts: distinct items.
        time: seconds since the epoch.
        catalogue: what is available; None for all items.
        size: places of the ranking. Items with fewer events than as many others are looked up
            where more of those than usual are not available, and not otherwise.
    """
    if catalogue is None or not len(counts):
        return counts
    offered, wanted = loaded(catalogue).at(time), 4 * size
    while True:
        rest = len(counts) > wanted
        least = np.partition(counts.count, -wanted)[-wanted] if rest else 0
        first = counts.take(counts.count >= least) if rest else counts
        found = first.take(offered.of(first.item))
        if not rest or len(found) >= size:
            return found
        wanted *= 16


def top_rows(window_end: int, counts: ItemCounts, size: int) -> PopularRows:
    """The ranking of a window: the items with the most events, ties by the smaller item id.

    Ids that are text compare by their texts.

    Args:
        window_end: seconds since the epoch.
        counts: distinct items.
        size: largest number of items in the ranking.
    """
    if len(counts) > 4 * size:  # Sort only the items that can be in the ranking.
        least = np.partition(counts.count, -size)[-size]
        counts = counts.take(counts.count >= least)
    best = np.lexsort((item_ranks(counts.own_names(), counts.item), -counts.count))[:size]
    rank = np.arange(1, len(best) + 1, dtype=np.int64)
    end = np.full(len(best), window_end, np.int64)
    return PopularRows(end, rank, counts.item[best], counts.count[best]).named(counts.names)
