"""Related items: what users bought or looked at together, in sliding windows.

Pairs are counted once, in slots (see `slots`). Windows are made of the slots' counts, as windows of
popular items are of the counts of panes. Pairs are divided among shards of items.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
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
from transforms.columns.frames import FrameCoder
from transforms.columns.hashing import shard_of
from transforms.columns.packing import order
from transforms.columns.ranges import runs
from transforms.messages.events import EventBatch
from transforms.messages.related import PairCounts, RelatedItems
from transforms.messages.related_kinds import KINDS
from transforms.related.pair_counts import CodedPairs, MergePairs, kept, lists
from transforms.related.related_chunks import RankRelatedChunks
from transforms.related.rules import RelatedRules
from transforms.related.slots import SlotEvents, pair, split

_CODER = FrameCoder(SlotEvents)

Key = tuple[int, int]
"""A shard of users or items, and a number of a slot or the end of a window."""


@dataclass(eq=False)
class RankRelated(beam.PTransform):
    """(shard, closed block) to RelatedItems of whole windows.

    Attributes:
        kind: "bought" or "viewed".
        rules: how items are paired, counted and ranked.
        bounded: whether the input is files, whose watermark advances once at the end.
    """

    kind: str
    rules: RelatedRules
    bounded: bool = False

    def expand(
        self, blocks: beam.PCollection[tuple[int, EventBatch]]
    ) -> beam.PCollection[RelatedItems]:
        """Pair in slots, add up the slots of each window, rank."""
        rules, kind = self.rules, KINDS.index(self.kind)
        events = blocks | "Split by slot" >> beam.ParDo(_Split(kind, rules, self.bounded))
        if not self.bounded:
            events = events | "Slots" >> beam.WindowInto(FixedWindows(rules.gap))
        pairs = (
            events
            | "Group by slot" >> beam.GroupByKey()
            | "Pair" >> beam.ParDo(_Pair(rules, self.bounded))
        )
        if self.bounded:
            ranked = pairs | "Chunks" >> RankRelatedChunks(kind, rules)
        else:
            # The ends of windows, not their starts, are multiples of the period.
            offset = -rules.window % rules.period
            ranked = (
                pairs
                | "Merge shards" >> beam.CombinePerKey(MergePairs())
                | "Keep" >> beam.MapTuple(_kept).with_output_types(tuple[Key, PairCounts])
                | "Slide" >> beam.WindowInto(SlidingWindows(rules.window, rules.period, offset))
                | "Key by window" >> beam.ParDo(_KeyByWindow())
                | "Merge slots" >> beam.CombinePerKey(MergePairs())
                | "Rank" >> beam.ParDo(_Rank(kind, rules))
                | "Lists to global" >> beam.WindowInto(GlobalWindows())
            )
        collect = beam.ParDo(CollectBundle(RelatedItems)).with_output_types(RelatedItems)
        collected: beam.PCollection[RelatedItems] = ranked | "Collect lists" >> collect
        return collected


@beam.typehints.with_output_types(tuple[Key, bytes])
class _Split(beam.DoFn):
    """A block's events by the slots that need them, inside the slots."""

    def __init__(self, kind: int, rules: RelatedRules, bounded: bool) -> None:
        self._kind, self._gap, self._bounded = kind, rules.gap, bounded

    def process(self, block: tuple[int, EventBatch]) -> Iterator[Any]:
        shard, events = block
        for slot, part in split(events, self._kind, self._gap):
            keyed = (shard, slot), _CODER.encode(part)
            yield (
                keyed if self._bounded else TimestampedValue(keyed, (slot + 1) * self._gap - 0.001)
            )


@beam.typehints.with_output_types(tuple[Key, PairCounts])
class _Pair(beam.DoFn):
    """The pairs of a slot of a shard of users, by shards of items."""

    def __init__(self, rules: RelatedRules, bounded: bool) -> None:
        self._rules, self._bounded = rules, bounded

    def process(self, group: tuple[Key, Iterable[bytes]]) -> Iterator[Any]:
        (_, slot), encoded = group
        parts = [_CODER.decode(part) for part in encoded]
        if not parts:  # Flink fires empty panes, too.
            return
        pairs = pair(SlotEvents.concat(parts), slot, self._rules)
        if pairs is None:
            return
        shard = shard_of(pairs.item, self._rules.shards)
        by_shard = order(shard)
        for number, rows in runs(shard[by_shard]):
            keyed = (number, slot), pairs.take(by_shard[rows])
            if self._bounded:
                yield keyed
            else:
                yield TimestampedValue(keyed, (slot + 1) * self._rules.gap - 0.001)


def _kept(key: Key, pairs: PairCounts) -> tuple[Key, PairCounts]:
    return key, kept(pairs)


@beam.typehints.with_output_types(tuple[Key, PairCounts])
class _KeyByWindow(beam.DoFn):
    def process(
        self, slot: tuple[Key, PairCounts], window: IntervalWindow = beam.DoFn.WindowParam
    ) -> Iterator[tuple[Key, PairCounts]]:
        (shard, _), pairs = slot
        yield (shard, window.end.seconds()), pairs


@beam.typehints.with_output_types(RelatedItems)
class _Rank(beam.DoFn):
    def __init__(self, kind: int, rules: RelatedRules) -> None:
        self._kind, self._rules = kind, rules
        self._lists = Metrics.counter("rivulet", f"{KINDS[kind]}_lists")

    def process(self, window: tuple[Key, PairCounts]) -> Iterator[RelatedItems]:
        (_, window_end), pairs = window
        if not len(pairs):  # Flink fires empty panes, too.
            return
        found = lists(self._kind, window_end, CodedPairs.of(pairs), self._rules)
        if len(found):
            self._lists.inc(len(found))
            yield found
