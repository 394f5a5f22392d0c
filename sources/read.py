"""Any input as a stream of event batches.

events = pipeline | ReadEvents(InputSettings(input="clicks.csv"))
events.events, events.malformed, events.late
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import apache_beam as beam

from sources.errors import SourceError
from sources.files.history import topic_start
from sources.files.ranges import FileLimits
from sources.files.read import ReadFiles
from sources.malformed import TALLIES, CheckMalformed
from sources.options import InputSettings, KafkaSettings, is_file_input, split_columns
from transforms.messages.dead_letters import DeadLetterBatch
from transforms.messages.events import EventBatch
from transforms.messages.id_kinds import INTEGERS, IdKinds
from transforms.progress import SHARED_PROGRESS, ProgressCounters

if TYPE_CHECKING:
    from sources.kafka.read import ReadKafka
    from sources.kafka.restrictions import ReaderConfig
    from sources.schema.schema import Schema


class Events(NamedTuple):
    """What a source gives.

    Attributes:
        events: batches of events; a batch's timestamp is the smallest time in it.
        malformed: the lines or values that are not events, or that are events from the future.
        late: of a topic only, else None: batches of events that were older than their partition's
            watermark by more than the allowed lateness. They are not in `events`.
        is_bounded_files: whether they come from files, so that nothing is late.
        ids: the kinds of the events' ids.
    """

    events: beam.PCollection[EventBatch]
    malformed: beam.PCollection[DeadLetterBatch]
    late: beam.PCollection[EventBatch] | None
    is_bounded_files: bool
    ids: IdKinds = INTEGERS


class ReadEvents(beam.PTransform):
    """Reads the click-stream that the settings name.

    Counts `lines`, `events`, `malformed`, `ignored` (left out by a schema), `future` (those of
    the malformed that are events from the future) and `expired` (Kafka's records that were
    deleted before they were read) in the namespace `rivulet`. A bounded input of which too much
    is malformed ends the job.

    Args:
        chosen: where the events are; its `input` must be set.
        kafka: how a topic is read; not used for files.
        progress: the job's counters.
        schema: what the fields mean, if not as the settings say.

    Raises:
        SourceError: the input cannot be read; one line that says why and what to do.
    """

    def __init__(
        self,
        chosen: InputSettings,
        kafka: KafkaSettings | None = None,
        progress: ProgressCounters = SHARED_PROGRESS,
        schema: Schema | None = None,
    ) -> None:
        super().__init__()
        if not chosen.input:
            raise SourceError("no input: give --input a path or a URL")
        kafka = kafka or KafkaSettings()
        self.files = is_file_input(chosen.input)
        self.is_bounded = self.files or kafka.is_bounded
        self.max_malformed = chosen.max_malformed
        own = schema
        schema = own or chosen.read_schema()
        self.ids = INTEGERS if schema is None else IdKinds(schema.ids.user, schema.ids.item)
        self.source: ReadFiles | ReadKafka
        self.history: ReadFiles | None = None
        if self.files:
            self.source = _files((chosen.input,), chosen, progress, own)
        else:
            # Kafka's client is imported for topics alone.
            from sources.kafka.read import ReadKafka, TopicStart

            start = kafka.kafka_start
            if chosen.history:
                self.history = _files(chosen.history, chosen, progress)
                if start is None:
                    margin = kafka.max_out_of_orderness + chosen.max_future
                    start = topic_start(self.history.ranges, self.history.limits, margin)
            where = TopicStart(start or "earliest", kafka.is_bounded, kafka.kafka_refresh)
            self.source = ReadKafka(reader_config(chosen, kafka, own), where, progress)

    def expand(self, pbegin: beam.pvalue.PBegin) -> Events:
        """The input as batches."""
        found = pbegin | self.source
        events, malformed, tallies = found.events, found.malformed, found[TALLIES]
        if self.history is not None:
            # The watermark of both stands until the files are read.
            before = pbegin | "History" >> self.history
            events = (before.events, events) | "Both" >> beam.Flatten()
            malformed = (before.malformed, malformed) | "Both malformed" >> beam.Flatten()
            tallies = (before[TALLIES], tallies) | "Both tallies" >> beam.Flatten()
        if self.is_bounded and self.max_malformed < 1:
            _ = tallies | "Malformed" >> CheckMalformed(self.max_malformed)
        late = None if self.files else found.late
        return Events(events, malformed, late, self.files, self.ids)


def _files(
    patterns: Sequence[str],
    chosen: InputSettings,
    progress: ProgressCounters,
    schema: Schema | None = None,
) -> ReadFiles:
    columns = split_columns(chosen.columns) if chosen.columns else None
    limits = FileLimits(chosen.max_future, chosen.max_line, chosen.max_malformed)
    return ReadFiles(patterns, columns, limits, progress, schema or chosen.read_file_schema())


def reader_config(
    chosen: InputSettings, kafka: KafkaSettings, schema: Schema | None = None
) -> ReaderConfig:
    """How a topic's partitions are read; `schema` stands for that of the settings.

    Raises:
        SourceError: the URL or the schema is wrong.
    """
    from sources.kafka.restrictions import ReaderConfig
    from sources.kafka.url import parse_url
    from sources.kafka.watermark import EventTimeLimits

    limits = EventTimeLimits(
        out_of_orderness=kafka.max_out_of_orderness,
        allowed_lateness=kafka.allowed_lateness,
        idle=kafka.idle_timeout,
        silence=kafka.silence_timeout,
        max_future=chosen.max_future,
        reset_watermark=kafka.reset_watermark,
    )
    return ReaderConfig(
        url=parse_url(chosen.input or "", kafka.security),
        limits=limits,
        group=kafka.kafka_group,
        max_bytes=chosen.max_line,
        max_malformed=chosen.max_malformed,
        schema=schema or chosen.read_schema(),
        # No value that is allowed is in a batch that is not.
        max_batch=max(kafka.kafka_max_batch, chosen.max_line),
    )
