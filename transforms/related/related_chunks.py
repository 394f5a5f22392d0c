"""Related items of files: the windows of a chunk of event time in one pass.

The watermark of files advances once, when all is read. Beam's SlidingWindows would then hold the
pairs of all windows at once. The slots' pairs are grouped by shard of items and by chunk instead, a
few windows long.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import numpy as np
from apache_beam.metrics import Metrics
from apache_beam.transforms.window import TimestampedValue

from transforms.columns.frames import FrameCoder
from transforms.messages.related import PairCounts, RelatedItems
from transforms.messages.related_kinds import KINDS
from transforms.related.pair_counts import CodedPairs, lists
from transforms.related.rules import KEPT, RelatedRules

CHUNK_WINDOWS = 4
"""Length of a chunk, in windows. A chunk needs the pairs of one window more."""

_CODER = FrameCoder(PairCounts)


@dataclass(eq=False)
class RankRelatedChunks(beam.PTransform):
    """((shard of items, slot), pairs of a shard of users) to RelatedItems of whole windows.

    Attributes:
        kind: code of the kind of related items.
        rules: how lists are made.
    """

    kind: int
    rules: RelatedRules

    def expand(
        self, pairs: beam.PCollection[tuple[tuple[int, int], PairCounts]]
    ) -> beam.PCollection[RelatedItems]:
        """Group by chunk, rank."""
        return (
            pairs
            | "By chunk" >> beam.ParDo(_ByChunk(self.rules))
            | "Group by chunk" >> beam.GroupByKey()
            | "Rank chunk" >> beam.ParDo(_RankChunk(self.kind, self.rules))
        )


@beam.typehints.with_output_types(tuple[tuple[int, int], bytes])
class _ByChunk(beam.DoFn):
    """Assigns slots to the chunks that need them.

    A chunk has the windows whose ends are in (number * length, (number + 1) * length].
    """

    def __init__(self, rules: RelatedRules) -> None:
        self._window = rules.window // rules.gap
        self._length = CHUNK_WINDOWS * self._window

    def process(
        self, element: tuple[tuple[int, int], PairCounts]
    ) -> Iterator[tuple[tuple[int, int], bytes]]:
        (shard, slot), pairs = element
        encoded = _CODER.encode(pairs)
        # A slot is in the windows that end, in slots, in [slot + 1, slot + window].
        last = (slot + self._window - 1) // self._length
        for chunk in range(slot // self._length, last + 1):
            yield (shard, chunk), encoded


@beam.typehints.with_output_types(RelatedItems)
class _RankChunk(beam.DoFn):
    """Ranks all windows of a chunk."""

    def __init__(self, kind: int, rules: RelatedRules) -> None:
        self._kind, self._rules = kind, rules
        self._chunk = CHUNK_WINDOWS * rules.window
        self._lists = Metrics.counter("rivulet", f"{KINDS[kind]}_lists")

    def process(self, group: tuple[tuple[int, int], Iterable[bytes]]) -> Iterator[Any]:
        (_, number), encoded = group
        whole = PairCounts.concat([_CODER.decode(part) for part in encoded])
        pairs = CodedPairs.of(whole).summed(by_slot=True).best(KEPT)
        rules = self._rules
        # The windows of which a slot with a pair is in the last period.
        ends = np.unique(pairs.slot * rules.gap // rules.period + 1) * rules.period
        for end in ends.tolist():
            if not number * self._chunk < end <= (number + 1) * self._chunk:
                continue
            edges = np.array([end - rules.window, end]) // rules.gap
            rows = slice(*np.searchsorted(pairs.slot, edges).tolist())
            found = lists(self._kind, end, pairs.take(rows), rules)
            self._lists.inc(len(found))
            yield TimestampedValue(found, end - 0.001)
