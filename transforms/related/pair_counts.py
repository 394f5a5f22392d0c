"""Sums of pairs of items, and the lists that are made of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from transforms.columns.id_names import IdNames, item_ranks
from transforms.columns.packing import order
from transforms.columns.ranges import run_starts
from transforms.messages.events import Int64s
from transforms.messages.related import PairCounts, RelatedItems
from transforms.related.rules import KEPT, RelatedRules
from transforms.windows.item_counts import MergeFrames


class MergePairs(MergeFrames):
    """Adds up PairCounts of any slots; the output has each pair once, with its latest slot."""

    frame_type = PairCounts

    def merged(self, frames: list[PairCounts]) -> PairCounts:
        """Adds up at least one frame."""
        pairs = PairCounts.concat(frames)
        rows = order(pairs.item, pairs.other)
        pairs = pairs.take(rows)
        starts = run_starts(pairs.item, pairs.other)
        if len(starts) == len(pairs):
            return pairs
        slot = np.maximum.reduceat(pairs.slot, starts)
        count = np.add.reduceat(pairs.count, starts)
        whole = PairCounts(slot, pairs.item[starts], pairs.other[starts], count)
        return whole.named(pairs.names)

    def extract_output(self, accumulator: list[PairCounts]) -> PairCounts:
        """The sums."""
        if not accumulator:
            return PairCounts(*(np.empty(0, np.int64) for _ in range(4)))
        return self.merged(accumulator)


@dataclass(frozen=True, slots=True, eq=False)
class CodedPairs:
    """Pairs whose items are places in a table of items, which sort as the items do.

    Attributes:
        ids: int64 [m], the table.
        slot, item, other, count: int64 [n], as of PairCounts.
        names: the names of the items.
    """

    ids: Int64s
    slot: Int64s
    item: Int64s
    other: Int64s
    count: Int64s
    names: IdNames | None

    @staticmethod
    def of(pairs: PairCounts) -> CodedPairs:
        """The pairs, in their order."""
        names = pairs.own_names()
        ids, place = np.unique(np.concatenate((pairs.item, pairs.other)), return_inverse=True)
        if names is not None:
            by_text = np.argsort(item_ranks(names, ids))
            ids, rank = ids[by_text], np.empty(len(ids), np.int64)
            rank[by_text] = np.arange(len(ids))
            place = rank[place]
        item, other = place[: len(pairs)], place[len(pairs) :]
        return CodedPairs(ids, pairs.slot, item, other, pairs.count, names)

    def take(self, rows: Int64s | slice | np.ndarray[tuple[int], np.dtype[np.bool_]]) -> CodedPairs:
        """Some of the pairs."""
        slot, item, other, count = (
            column[rows] for column in (self.slot, self.item, self.other, self.count)
        )
        return CodedPairs(self.ids, slot, item, other, count, self.names)

    def summed(self, *, by_slot: bool) -> CodedPairs:
        """The sums of each pair, of each slot or of all, sorted by slot, item and other."""
        slot = self.slot if by_slot else np.zeros_like(self.slot)
        found = self.take(order(slot, self.item, self.other))
        starts = run_starts(*((found.slot,) if by_slot else ()), found.item, found.other)
        if len(starts) == len(found.item):
            return found
        count = np.add.reduceat(found.count, starts)
        slot = np.maximum.reduceat(found.slot, starts)
        return CodedPairs(
            self.ids, slot, found.item[starts], found.other[starts], count, self.names
        )

    def best(self, kept: int) -> CodedPairs:
        """The `kept` pairs with the largest counts of each slot and item, ties by the other item.

        Rows are sorted by slot, item and other, before and afterwards.
        """
        starts = run_starts(self.slot, self.item)
        sizes = np.diff(np.append(starts, len(self.item)))
        if not len(sizes) or sizes.max() <= kept:
            return self
        rows = order(self.slot, self.item, -self.count)
        place = np.arange(len(rows)) - np.repeat(starts, sizes)
        rows = rows[place < kept]
        rows.sort()
        return self.take(rows)

    def pairs(self) -> PairCounts:
        """The pairs with the items' ids."""
        item, other = self.ids[self.item], self.ids[self.other]
        return PairCounts(self.slot, item, other, self.count).named(self.names)


def kept(pairs: PairCounts) -> PairCounts:
    """The pairs of a slot that are kept, when all of it is counted."""
    return CodedPairs.of(pairs).best(KEPT).pairs() if len(pairs) else pairs


def lists(kind: int, window_end: int, pairs: CodedPairs, rules: RelatedRules) -> RelatedItems:
    """The lists of a window: of each item that is in a pair of the window's last period.

    Args:
        kind: code of the kind of related items.
        window_end: seconds since the epoch.
        pairs: of a shard of items, all slots of the window.
        rules: how lists are made.
    """
    fresh = np.zeros(len(pairs.ids), bool)
    fresh[pairs.item[pairs.slot >= (window_end - rules.period) // rules.gap]] = True
    pairs = pairs.take(fresh[pairs.item]).summed(by_slot=False)
    starts = run_starts(pairs.item)
    if len(starts) > rules.items_of_shard:
        total = np.add.reduceat(pairs.count, starts)
        fresh[:] = False
        fresh[pairs.item[starts][order(-total)[: rules.items_of_shard]]] = True
        pairs = pairs.take(fresh[pairs.item])
        starts = run_starts(pairs.item)
    sizes = np.diff(np.append(starts, len(pairs.item)))
    latest = np.maximum.reduceat(pairs.slot, starts) if len(starts) else starts
    pairs = pairs.take(order(pairs.item, -pairs.count))
    place = np.arange(len(pairs.item)) - np.repeat(starts, sizes)
    shown = place < rules.size
    row, place = np.repeat(np.arange(len(starts)), sizes)[shown], place[shown]
    items = np.zeros((len(starts), rules.size), np.int64)
    counts = np.zeros_like(items)
    items[row, place] = pairs.ids[pairs.other[shown]]
    counts[row, place] = pairs.count[shown]
    return RelatedItems(
        np.full(len(starts), kind, np.int8),
        latest * rules.gap,
        pairs.ids[pairs.item[starts]],
        items,
        counts,
        np.minimum(sizes, rules.size),
    ).named(pairs.names)
