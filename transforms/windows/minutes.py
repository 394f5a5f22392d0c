"""How many events each minute of event time has: what the page draws as the shop's traffic.

It is counted from closed blocks, which are complete and free of duplicates, so that a
replay gives the same numbers again.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import apache_beam as beam
import numpy as np

from transforms.messages.events import EventBatch
from transforms.messages.minutes import MINUTE, EventMinutes
from transforms.windows.shard_sums import SumShards

_HOUR = 3600


@dataclass(eq=False)
class CountMinutes(beam.PTransform):
    """(shard, closed block) to the counts of whole minutes, each minute once.

    Attributes:
        pane: seconds on whose multiples closed blocks begin and end.
        bounded: the input is files, whose watermark stands until all is read.
    """

    pane: int
    bounded: bool

    def expand(
        self, blocks: beam.PCollection[tuple[int, EventBatch]]
    ) -> beam.PCollection[EventMinutes]:
        """Count each block, then sum over shards and panes."""
        # What both panes and minutes fill: behind it, its minutes are complete.
        span = math.lcm(self.pane, MINUTE)
        counted = blocks | "Count" >> beam.ParDo(
            _Count(math.lcm(span, _HOUR) if self.bounded else span)
        )
        summed: beam.PCollection[EventMinutes] = counted | SumShards(
            EventMinutes, span, self.bounded
        )
        return summed


@beam.typehints.with_output_types(tuple[int, EventMinutes])
class _Count(beam.DoFn):
    """Counts by span."""

    def __init__(self, span: int) -> None:
        self._span = span

    def process(self, element: tuple[int, EventBatch]) -> Iterator[tuple[int, EventMinutes]]:
        counts = EventMinutes.of(element[1])
        spans = counts.minute // self._span
        for span in np.unique(spans).tolist():
            yield span, counts.take(spans == span)
