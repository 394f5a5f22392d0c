"""Counts events by minute of event time: the traffic that the web page draws.

The counts are made of closed blocks, which are complete and free of duplicates. A replay of the
same events gives equal counts.
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
        pane: seconds of event time; closed blocks start and end on its multiples.
        bounded: whether the input is files, whose watermark advances once at the end.
    """

    pane: int
    bounded: bool

    def expand(
        self, blocks: beam.PCollection[tuple[int, EventBatch]]
    ) -> beam.PCollection[EventMinutes]:
        """Count each block, then add up shards and panes."""
        # A span is a whole number of panes and of minutes: at its end its minutes are complete.
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
    """Counts a block's events by minute; keys are numbers of spans."""

    def __init__(self, span: int) -> None:
        self._span = span

    def process(self, element: tuple[int, EventBatch]) -> Iterator[tuple[int, EventMinutes]]:
        counts = EventMinutes.of(element[1])
        spans = counts.minute // self._span
        for span in np.unique(spans).tolist():
            yield span, counts.take(spans == span)
