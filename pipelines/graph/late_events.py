"""Late events as dead letters."""

from __future__ import annotations

import apache_beam as beam
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.metrics import Metrics

from transforms.messages.dead_letters import DeadLetterBatch
from transforms.messages.events import BEHAVIORS, EventBatch
from transforms.progress import SHARED_PROGRESS, ProgressCounters

LATE = "late"


@beam.typehints.with_output_types(DeadLetterBatch)
class LateEventsToDeadLetters(beam.DoFn):
    """Makes dead letters of late events, whose `raw` is written as CSV on Kafka.

    Args:
        source: the input's name, without secrets.
        progress: the job's counters.
    """

    def __init__(self, source: str, progress: ProgressCounters = SHARED_PROGRESS) -> None:
        self._source, self._progress = source, progress
        self._late = Metrics.counter("rivulet", "late")

    def process(self, batch: EventBatch) -> list[DeadLetterBatch]:
        """Counts and converts a batch."""
        size = len(batch)
        self._late.inc(size)
        self._progress.add("late", size)
        numbers = (pa.array(column).cast(pa.string()) for column in (
            batch.user, batch.item, batch.time))  # fmt: skip
        behavior = pa.array(BEHAVIORS, pa.string()).take(pa.array(batch.behavior))
        raw = pc.binary_join_element_wise(*numbers, behavior, ",")
        source, reason = (pa.repeat(pa.scalar(text), size) for text in (self._source, LATE))
        return [DeadLetterBatch.of_columns(source, reason, raw, pa.array(batch.time))]
