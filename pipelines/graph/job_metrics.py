"""The progress of a job and the traffic of each minute, to the stores that the web page reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import apache_beam as beam

from sinks.base import StoreSource
from sinks.heartbeat import Heartbeat
from sinks.write import WriteTo
from transforms.messages.dead_letters import DeadLetterBatch
from transforms.messages.events import EventBatch
from transforms.messages.minutes import EventMinutes
from transforms.messages.ranking import RankedBatch
from transforms.progress import SHARED_PROGRESS, ProgressCounters
from transforms.windows.minutes import CountMinutes


@dataclass(eq=False)
class WriteJobMetrics(beam.PTransform):
    """(events as read, closed blocks, recommendations) to the tables that the page reads.

    Attributes:
        stores: stores that accept EventMinutes and WorkerCounts.
        run: the run, as its start in milliseconds since the epoch.
        pane: seconds on whose multiples closed blocks begin and end.
        bounded: the input is files.
        progress: the job's counters.
    """

    stores: Sequence[StoreSource]
    run: int
    pane: int
    bounded: bool
    progress: ProgressCounters = SHARED_PROGRESS

    def expand(
        self,
        inputs: tuple[
            beam.PCollection[EventBatch],
            beam.PCollection[tuple[int, EventBatch]],
            beam.PCollection[RankedBatch],
        ],
    ) -> beam.PCollection[DeadLetterBatch]:
        """Count and write; returns the rows that were refused."""
        parts = dict(zip(("read", "closed", "recommended"), inputs, strict=True))
        minutes = inputs[1] | "Minutes" >> CountMinutes(self.pane, self.bounded)
        for number, store in enumerate(self.stores, 1):
            # Wherever something is counted: Flink runs the steps of a bounded input one by one.
            for what, rows in parts.items():
                heartbeat = Heartbeat(store, self.run, self.progress)
                _ = rows | f"Heartbeat {what} {number}" >> beam.ParDo(heartbeat)
        write = WriteTo(self.stores, EventMinutes, progress=self.progress)
        refused: beam.PCollection[DeadLetterBatch] = minutes | "Write minutes" >> write
        return refused
