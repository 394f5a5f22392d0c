"""Recommendations that wait for the watermark to be some seconds past their T.

At a T all users are due at once. Where one store serves them and others keep them, the one gets
them first, and the others when it has them: else all wait for the same processors.
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
    """Recommendations, each frame of one shard's users, to the same, later.

    A frame comes out when the watermark passes its last T and `seconds` more, or, with another
    frame of its shard, before that.

    Attributes:
        seconds: of event time.
        shards: how many shards the users are dealt to.
    """

    seconds: int
    shards: int

    def expand(self, rows: beam.PCollection[Recommendations]) -> beam.PCollection[Recommendations]:
        """Keep by shard, give by timers."""
        return (
            rows
            | "By shard" >> beam.ParDo(_ByShard(self.shards))
            | "Wait" >> beam.ParDo(_Wait(self.seconds)).with_output_types(Recommendations)
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
class _Wait(beam.DoFn):
    WAITING = BagStateSpec("waiting", FrameCoder(Recommendations))
    # Another name than any other step's: the FnApiRunner may take those of one name for one.
    DUE = TimerSpec("behind", TimeDomain.WATERMARK)

    def __init__(self, seconds: int) -> None:
        self._seconds = seconds

    def process(
        self,
        element: tuple[int, Recommendations],
        waiting: Any = beam.DoFn.StateParam(WAITING),
        due: Any = beam.DoFn.TimerParam(DUE),
    ) -> None:
        waiting.add(element[1])
        at = int(element[1].time.max()) + self._seconds
        # A timer for each moment: one alone would be put off by every T that follows.
        due.set(at, dynamic_timer_tag=str(at))

    @on_timer(DUE)
    def fire(self, waiting: Any = beam.DoFn.StateParam(WAITING)) -> Iterator[Recommendations]:
        """Gives all that waits."""
        yield from waiting.read()
        waiting.clear()
