"""How the job does, to the SQL stores: what the page shows beside the results."""

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
from transforms.messages.recommendations import Recommendations
from transforms.windows.minutes import CountMinutes


@dataclass(eq=False)
class WriteJobMetrics(beam.PTransform):
    """(events as read, closed blocks, recommendations) to the tables for the page.

    Attributes:
        stores: stores that accept EventMinutes and WorkerCounts.
        run: the run, as its start in milliseconds since the epoch.
        pane: seconds on whose multiples closed blocks begin and end.
        bounded: the input is files.
    """

    stores: Sequence[StoreSource]
    run: int
    pane: int
    bounded: bool

    def expand(
        self,
        inputs: tuple[
            beam.PCollection[EventBatch],
            beam.PCollection[tuple[int, EventBatch]],
            beam.PCollection[Recommendations],
        ],
    ) -> beam.PCollection[DeadLetterBatch]:
        """Count, write, and give the rows that were refused."""
        parts = dict(zip(("read", "closed", "recommended"), inputs, strict=True))
        minutes = inputs[1] | "Minutes" >> CountMinutes(self.pane, self.bounded)
        refused = []
        for number, store in enumerate(self.stores, 1):
            refused.append(minutes | f"Write minutes {number}" >> WriteTo(store, EventMinutes))
            # Wherever something is counted: of a bounded input Flink does one step after another.
            for what, rows in parts.items():
                _ = rows | f"Heartbeat {what} {number}" >> beam.ParDo(Heartbeat(store, self.run))
        letters: beam.PCollection[DeadLetterBatch] = refused | "Refused" >> beam.Flatten()
        return letters
