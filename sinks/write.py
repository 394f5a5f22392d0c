"""Writing frames to stores: batching, priority and delay in one transform."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import apache_beam as beam

from sinks.base import SinkError, StoreSource
from sinks.bulk_write import BulkWrite
from sinks.write_priority import WritePriority
from transforms.bundles import CollectBundle
from transforms.columns.frames import Frame
from transforms.messages.dead_letters import DeadLetterBatch
from transforms.messages.recommendations import Recommendations
from transforms.progress import SHARED_PROGRESS, ProgressCounters
from transforms.shards.delay import DelayUntilWatermark

BATCH_ROWS = 5_000
"""Rows that the frames of a bundle are joined to before they are written."""


def accepting(stores: Sequence[StoreSource], message_type: type[Any]) -> list[StoreSource]:
    """Those of the stores that have a place for messages of a type."""
    return [store for store in stores if store.accepts(message_type)]


class WriteTo(beam.PTransform):
    """Writes frames to stores; returns the dead letters of the rows that stores refused.

    The small frames of a bundle are joined first. Each store is written to by a thread of its own,
    is retried while it is unavailable, and gets every row even if another store is slow.

    Args:
        stores: a store or several.
        frame_type: type of the frames.
        priority: which writes wait for which on this host. URGENT writes are smaller: they are
            of the stores' `batch_rows`.
        delay: write recommendations when the watermark is this much later than their time, in
            seconds of event time; 0 for at once.
        shards: number of shards of users, where there is a delay.
        progress: the job's counters. Jobs of one process do not share connections.

    Raises:
        SinkError: a store has no place for such frames, or there is no store.
    """

    def __init__(
        self,
        stores: StoreSource | Sequence[StoreSource],
        frame_type: type[Frame],
        *,
        priority: WritePriority = WritePriority.NONE,
        delay: int = 0,
        shards: int = 1,
        progress: ProgressCounters = SHARED_PROGRESS,
    ) -> None:
        super().__init__()
        self._stores = [stores] if isinstance(stores, StoreSource) else list(stores)
        self._type, self._priority, self._progress = frame_type, priority, progress
        self._delay, self._shards = delay, shards
        if not self._stores:
            raise SinkError(f"no store is named for {frame_type.__name__}")
        for store in self._stores:
            if not store.accepts(frame_type):
                raise SinkError(f"{store.name} has no place for {frame_type.__name__}")
        if delay and frame_type is not Recommendations:
            raise SinkError(f"writes of {frame_type.__name__} cannot be delayed")

    def expand(self, frames: beam.PCollection[Frame]) -> beam.PCollection[DeadLetterBatch]:
        """Delays, joins and writes the frames."""
        if self._delay:
            frames = frames | "Delay" >> DelayUntilWatermark(self._delay, self._shards)
        urgent = self._priority is WritePriority.URGENT
        rows = min(store.batch_rows for store in self._stores) if urgent else BATCH_ROWS
        batches = frames | "Batch" >> beam.ParDo(CollectBundle(self._type, rows)).with_output_types(
            self._type
        )
        refused = [
            batches
            | f"Store {number}"
            >> beam.ParDo(BulkWrite(store, self._type, self._priority, self._progress))
            for number, store in enumerate(self._stores, 1)
        ]
        letters: beam.PCollection[DeadLetterBatch] = refused | "Refused" >> beam.Flatten()
        return letters
