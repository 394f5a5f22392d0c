"""The records of a poll to a reader's outputs: events, late events, dead letters, tallies."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import apache_beam as beam
from apache_beam.transforms.window import TimestampedValue

from sources.counters import ReadCounters
from sources.kafka.topic_time import latest_times
from sources.kafka.watermark import PartitionWatermark
from sources.malformed import MALFORMED, TALLIES, FirstLines, MalformedTally
from sources.parsing.kafka_values import parse_values
from sources.parsing.malformed import MalformedRows, cut_text, details_of, is_further
from transforms.messages.dead_letters import DeadLetterBatch
from transforms.progress import ProgressCounters

if TYPE_CHECKING:
    from sources.schema.schema import Schema

LATE = "late"
"""The output for late events."""


class RecordOutputs:
    """Parses records, counts them, and advances the watermark.

    Args:
        topic: the topic's name.
        max_future: how far an event may be ahead of the clock, in seconds.
        max_bytes: a longer value is malformed.
        progress: the job's counters.
        tallied: whether to output tallies; those of an unbounded read are never complete.
        schema: what the values' fields mean; None: they are an event's own.
    """

    def __init__(
        self,
        topic: str,
        max_future: int,
        max_bytes: int,
        progress: ProgressCounters,
        tallied: bool,
        schema: Schema | None = None,
    ) -> None:
        self._schema = schema
        self._tallied = tallied
        self._topic = topic
        self._max_future = max_future
        self._max_bytes = max_bytes
        self._counters = ReadCounters(progress)

    def of(
        self,
        partition: int,
        records: list[Any],
        watermark: PartitionWatermark,
        first_lines: FirstLines,
    ) -> Iterator[Any]:
        """The outputs of the records of a poll, in order.

        Args:
            partition: the partition's number.
            records: kafka-python's records.
            watermark: the partition's watermark, which follows the events.
            first_lines: checks the first values that this job reads.

        Raises:
            MalformedInputError: too many of the first values are malformed.
        """
        if not records:
            return
        watermark.set_active()
        parsed = parse_values([record.value for record in records], self._max_bytes, self._schema)
        latest = latest_times(records, time.time(), self._max_future)
        parsed = parsed.without_future(latest[parsed.rows])
        letters = letters_of(
            self._topic, partition, records, parsed.malformed, self._schema, self._max_bytes
        )
        # A value may have several events.
        lines = len(parsed.events) + len(parsed.malformed) + parsed.ignored
        first_lines.add(lines, parsed.malformed, letters)
        self._counters.record(parsed.events, parsed.malformed, parsed.ignored)
        events = parsed.events
        if len(events):
            late = watermark.late(events.time)
            largest = int(events.time.max())
            if late.any():
                yield _tagged(LATE, events.take(late), watermark)
                events = events.take(~late)
            if len(events):
                yield TimestampedValue(events, int(events.time.min()))
            watermark.advance(largest)
        if len(letters):
            yield _tagged(MALFORMED, letters, watermark)
        if self._tallied:
            yield _tagged(TALLIES, MalformedTally.of(lines, letters), watermark)


def letters_of(
    topic: str,
    partition: int,
    records: Sequence[Any],
    malformed: MalformedRows,
    schema: Schema | None,
    max_bytes: int,
) -> DeadLetterBatch:
    """The malformed values of records as dead letters.

    Args:
        topic: the topic's name.
        partition: the partition's number.
        records: kafka-python's records.
        malformed: which of them are malformed.
        schema: what the values' fields mean; None: they are an event's own.
        max_bytes: a longer value is cut.
    """
    found = [records[row] for row in malformed.row.tolist()]
    bodies = [record.value or b"" for record in found]
    raw = [
        "" if further else _raw(value, max_bytes)
        for value, further in zip(bodies, is_further(malformed), strict=True)
    ]
    details = details_of(
        malformed,
        list(zip(raw, bodies, strict=True)),
        lambda reason, pair: _explain(reason, *pair, schema),
    )
    return DeadLetterBatch.of_columns(
        [f"{topic}/{partition}/{record.offset}" for record in found],
        malformed.reasons(),
        raw,
        malformed.times(),
        details,
    )


def _explain(reason: str, raw: str, value: bytes, schema: Schema | None) -> str:
    # Imported when the first value is malformed.
    from sources.schema.explain import explain_own_value
    from sources.schema.kafka_values import explain_malformed

    if schema is not None:
        return explain_malformed(reason, raw, value, schema)
    return explain_own_value(reason, raw)


def _raw(value: bytes, max_bytes: int) -> str:
    if len(value) > max_bytes:
        return cut_text(value, len(value))
    return value.decode("utf-8", "backslashreplace")


def _tagged(tag: str, value: Any, watermark: PartitionWatermark) -> beam.pvalue.TaggedOutput:
    return beam.pvalue.TaggedOutput(tag, TimestampedValue(value, watermark.current_watermark()))
