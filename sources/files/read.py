"""The source for files: ranges, spread over the workers, read as blocks, parsed as columns.

Its watermark stands until all is read, by nature: everything comes out of one Impulse. So of
files nothing is late, in whatever order they stand.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import apache_beam as beam
from apache_beam.metrics import Metrics
from apache_beam.transforms.window import TimestampedValue
from apache_beam.typehints import with_output_types

from sources.errors import SourceError
from sources.files.blocks import read_blocks
from sources.files.parquet import read_row_groups
from sources.files.plan import UNREADABLE, FileRange, plan
from sources.parsing.blocks import parse_block
from transforms.messages.dead_letters import DeadLetterBatch
from transforms.messages.events import EventBatch
from transforms.progress import SHARED_PROGRESS, ProgressCounters

MALFORMED = "malformed"


class ReadFiles(beam.PTransform):
    """Reads the files that a path or a glob names.

    The files are matched, and their headers read, when this is made.

    Args:
        pattern: a path or a glob on any of Beam's filesystems.
        columns: the columns' names where the files have no header, else None.
        progress: the job's counters.

    Raises:
        SourceError: nothing is there, or a file cannot be read as asked.
    """

    def __init__(
        self,
        pattern: str,
        columns: list[str] | None = None,
        progress: ProgressCounters = SHARED_PROGRESS,
    ) -> None:
        super().__init__()
        self.progress = progress
        self.ranges = plan(pattern, columns)

    def expand(self, pbegin: beam.pvalue.PBegin) -> Any:
        """Two outputs: `events` and `malformed`."""
        read = ReadRange(self.progress)
        return (
            pbegin
            | "Ranges" >> beam.Create(self.ranges)
            | "Spread" >> beam.Reshuffle()
            | "ReadRange" >> beam.ParDo(read).with_outputs(MALFORMED, main="events")
        )


@with_output_types(EventBatch, malformed=DeadLetterBatch)
class ReadRange(beam.DoFn):
    """Reads a range of a file: batches of events, and its malformed lines.

    Args:
        progress: the job's counters.
    """

    def __init__(self, progress: ProgressCounters = SHARED_PROGRESS) -> None:
        self.progress = progress
        self.lines = Metrics.counter("rivulet", "lines")
        self.events = Metrics.counter("rivulet", "events")
        self.malformed = Metrics.counter("rivulet", "malformed")

    def process(self, element: FileRange) -> Iterator[TimestampedValue | beam.pvalue.TaggedOutput]:
        """The range's content, a block at a time."""
        for events, letters in read_range(element):
            self.lines.inc(len(events) + len(letters))
            self.events.inc(len(events))
            self.malformed.inc(len(letters))
            self.progress.record_read(events.time, len(letters))
            if len(letters):
                yield beam.pvalue.TaggedOutput(MALFORMED, letters)
            if len(events):
                yield TimestampedValue(events, int(events.time.min()))


def read_range(piece: FileRange) -> Iterator[tuple[EventBatch, DeadLetterBatch]]:
    """A range's events and dead letters, a block at a time.

    Raises:
        SourceError: the file cannot be read to its end.
    """
    try:
        if piece.layout is None:
            yield from read_row_groups(piece)
            return
        for at, block in read_blocks(piece):
            events, malformed = parse_block(block, piece.layout)
            yield (
                events,
                malformed.letters([f"{piece.path}:byte {at + start}" for start in malformed.start]),
            )
    except UNREADABLE as error:
        raise SourceError(f"{piece.path} cannot be read to its end: {error}") from error
