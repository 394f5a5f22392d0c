"""Partitions events by user, in order of arrival.

It separates two steps of a stream, so that the first does not wait for the second. All events of a
user go to one worker, in order. A store that keeps a document per user is then updated by one
connection at a time, mostly with later events than it has. The elements are small: a bundle, which
ends after a number of elements, holds no more than a store writes in seconds. Checkpoints wait for
the end of a bundle.
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
class PartitionByUser(beam.PTransform):
    """EventBatches to EventBatches that each hold the users of one shard.

    Attributes:
        shards: number of shards of users.
    """

    shards: int

    def expand(self, events: beam.PCollection[EventBatch]) -> beam.PCollection[EventBatch]:
        """Split by shard; a stateful step brings each shard to one worker."""
        return (
            events
            | "Split" >> beam.ParDo(_SplitByShard(self.shards))
            | "To worker" >> beam.ParDo(_ToWorker()).with_output_types(EventBatch)
        )


@beam.typehints.with_output_types(tuple[int, EventBatch])
class _SplitByShard(beam.DoFn):
    def __init__(self, shards: int) -> None:
        self._shards = shards

    def process(self, batch: EventBatch) -> Iterator[tuple[int, EventBatch]]:
        shard = shard_of(batch.user, self._shards)
        by_shard = order(shard)
        keys = shard_keys(self._shards)
        for number, rows in runs(shard[by_shard]):
            yield keys[number], batch.take(by_shard[rows])


class _ToWorker(beam.DoFn):
    """Has state that it does not use: a runner brings each key of a stateful step to one worker."""

    UNUSED = ReadModifyWriteStateSpec("unused", beam.coders.BytesCoder())

    def process(
        self,
        element: tuple[int, EventBatch],
        unused: Any = beam.DoFn.StateParam(UNUSED),
    ) -> Iterator[EventBatch]:
        del unused
        yield element[1]
