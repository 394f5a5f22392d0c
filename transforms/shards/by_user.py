"""Events to workers by user, in the order in which they came.

Between two steps of a stream that shall not wait for each other. What one user does stays with one
worker and in order, so that a store that keeps something for each user is asked by one connection
at a time and, most often, for something later than what it has. And elements become small, so that
a bundle, which ends after so many of them, is no more than a store takes in seconds: a checkpoint
waits for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
from apache_beam.transforms.userstate import ReadModifyWriteStateSpec

from transforms.columns.hashing import shard_of
from transforms.columns.packing import order
from transforms.columns.ranges import runs
from transforms.messages.events import EventBatch
from transforms.shards.keys import shard_keys


@dataclass(eq=False)
class SpreadByUser(beam.PTransform):
    """EventBatches to EventBatches of one shard's users each.

    Attributes:
        shards: how many shards the users are dealt to.
    """

    shards: int

    def expand(self, events: beam.PCollection[EventBatch]) -> beam.PCollection[EventBatch]:
        """Cut by shard; a step with state brings each shard to its worker."""
        return (
            events
            | "Cut" >> beam.ParDo(_Cut(self.shards))
            | "Spread" >> beam.ParDo(_Spread()).with_output_types(EventBatch)
        )


@beam.typehints.with_output_types(tuple[int, EventBatch])
class _Cut(beam.DoFn):
    def __init__(self, shards: int) -> None:
        self._shards = shards

    def process(self, batch: EventBatch) -> Iterator[tuple[int, EventBatch]]:
        shard = shard_of(batch.user, self._shards)
        place = order(shard)
        keys = shard_keys(self._shards)
        for number, rows in runs(shard[place]):
            yield keys[number], batch.take(place[rows])


class _Spread(beam.DoFn):
    """Keeps nothing: that it could makes a runner bring each shard to one worker."""

    NOTHING = ReadModifyWriteStateSpec("nothing", beam.coders.BytesCoder())

    def process(
        self,
        element: tuple[int, EventBatch],
        nothing: Any = beam.DoFn.StateParam(NOTHING),
    ) -> Iterator[EventBatch]:
        del nothing
        yield element[1]
