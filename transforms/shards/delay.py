"""Delays recommendations until the watermark is some seconds after their ranking time.

At a ranking time all users' recommendations are written at once. The delay lets the serving store
be written first; archival stores follow. Otherwise all writes compete for the same processors.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
from apache_beam.transforms.timeutil import TimeDomain
from apache_beam.transforms.userstate import BagStateSpec, TimerSpec, on_timer

from transforms.columns.frames import FrameCoder
from transforms.columns.hashing import shard_of
from transforms.messages.recommendations import Recommendations
from transforms.shards.keys import shard_keys


@dataclass(eq=False)
class DelayUntilWatermark(beam.PTransform):
    """Recommendations to the same recommendations, later.

    Each frame must hold users of one shard. A frame is emitted at the latest when the watermark
    passes its last ranking time plus the delay; earlier if another frame of its shard is.

    Attributes:
        seconds: the delay, in seconds of event time.
        shards: number of shards of users.
    """

    seconds: int
    shards: int

    def expand(self, rows: beam.PCollection[Recommendations]) -> beam.PCollection[Recommendations]:
        """Buffer by shard, emit by timers."""
        return (
            rows
            | "By shard" >> beam.ParDo(_ByShard(self.shards))
            | "Delay" >> beam.ParDo(_Delay(self.seconds)).with_output_types(Recommendations)
        )


@beam.typehints.with_output_types(tuple[int, Recommendations])
class _ByShard(beam.DoFn):
    def __init__(self, shards: int) -> None:
        self._shards = shards

    def process(self, rows: Recommendations) -> Iterator[tuple[int, Recommendations]]:
        if len(rows):
            (shard,) = shard_of(rows.user[:1], self._shards)
            yield shard_keys(self._shards)[shard], rows


@beam.typehints.with_input_types(tuple[int, Recommendations])
class _Delay(beam.DoFn):
    BUFFER = BagStateSpec("delayed_rows", FrameCoder(Recommendations))
    # The name differs from those of other steps: the FnApiRunner may confuse timers of one name.
    DELAYED = TimerSpec("delayed_write", TimeDomain.WATERMARK)

    def __init__(self, seconds: int) -> None:
        self._seconds = seconds

    def process(
        self,
        element: tuple[int, Recommendations],
        buffer: Any = beam.DoFn.StateParam(BUFFER),
        timers: Any = beam.DoFn.TimerParam(DELAYED),
    ) -> None:
        buffer.add(element[1])
        time = int(element[1].time.max()) + self._seconds
        # One timer for each time: a single one would be moved by each later ranking time.
        timers.set(time, dynamic_timer_tag=str(time))

    @on_timer(DELAYED)
    def fire(self, buffer: Any = beam.DoFn.StateParam(BUFFER)) -> Iterator[Recommendations]:
        """Emits all buffered frames."""
        yield from buffer.read()
        buffer.clear()
