"""The source for files: byte ranges, distributed over the workers and parsed as columns.

All ranges come from one Impulse, so that the watermark advances only when all is read. So events
of files are never late, whatever their order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import apache_beam as beam
from apache_beam.transforms.window import TimestampedValue
from apache_beam.typehints import with_output_types

from sources.counters import ReadCounters
from sources.files.plan import FileRange, plan
from sources.files.ranges import NO_LIMITS, FileLimits, read_range
from sources.malformed import MALFORMED, TALLIES, FirstLines, MalformedTally
from transforms.messages.dead_letters import DeadLetterBatch
from transforms.messages.events import EventBatch
from transforms.progress import SHARED_PROGRESS, ProgressCounters

if TYPE_CHECKING:
    from sources.schema.schema import Schema


class ReadFiles(beam.PTransform):
    """Reads the files that paths or globs name.

    The files are matched, and their headers read, when this is made.

    Args:
        patterns: paths or globs on any of Beam's filesystems.
        columns: the columns' names where the files have no header, else None.
        limits: what is accepted.
        progress: the job's counters.
        schema: what the columns mean; None: they have an event's own names.

    Raises:
        SourceError: there is no such file, or a file cannot be read as asked.
    """

    def __init__(
        self,
        patterns: Sequence[str],
        columns: list[str] | None = None,
        limits: FileLimits = NO_LIMITS,
        progress: ProgressCounters = SHARED_PROGRESS,
        schema: Schema | None = None,
    ) -> None:
        super().__init__()
        self.ranges = [piece for each in patterns for piece in plan(each, columns, schema=schema)]
        self.limits = limits
        self.progress = progress

    def expand(self, pbegin: beam.pvalue.PBegin) -> Any:
        """Three outputs: `events`, `malformed` and `tallies`."""
        first = self.ranges[0] if self.ranges else None
        read = ReadRange(self.limits, first, self.progress)
        return (
            pbegin
            | "Ranges" >> beam.Create(self.ranges)
            | "Spread" >> beam.Reshuffle()
            | "ReadRange" >> beam.ParDo(read).with_outputs(MALFORMED, TALLIES, main="events")
        )


@with_output_types(EventBatch, malformed=DeadLetterBatch, tallies=MalformedTally)
class ReadRange(beam.DoFn):
    """Reads a range of a file: batches of events, and its malformed lines.

    Args:
        limits: what is accepted.
        first: the range that begins the input.
        progress: the job's counters.
    """

    def __init__(
        self,
        limits: FileLimits = NO_LIMITS,
        first: FileRange | None = None,
        progress: ProgressCounters = SHARED_PROGRESS,
    ) -> None:
        self.limits = limits
        self.first = first
        self.counters = ReadCounters(progress)

    def process(self, element: FileRange) -> Iterator[TimestampedValue | beam.pvalue.TaggedOutput]:
        """The range's content, a block at a time.

        Raises:
            SourceError: the file cannot be read to its end, or too much of it is malformed.
        """
        first_lines = FirstLines(self.limits.max_malformed if element == self.first else 1.0)
        tally = MalformedTally()
        for events, letters, malformed, ignored in read_range(element, self.limits):
            lines = len(events) + len(letters) + ignored
            first_lines.add(lines, malformed, letters)
            tally += MalformedTally.of(lines, letters)
            self.counters.record(events, malformed, ignored)
            if len(letters):
                yield beam.pvalue.TaggedOutput(MALFORMED, letters)
            if len(events):
                yield TimestampedValue(events, int(events.time.min()))
        yield beam.pvalue.TaggedOutput(TALLIES, tally)
