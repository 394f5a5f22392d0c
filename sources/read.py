"""Any input as a stream of event batches.

events = pipeline | ReadEvents(InputSettings(input="clicks.csv"))
events.events, events.malformed, events.late
"""

from __future__ import annotations

from typing import NamedTuple

import apache_beam as beam

from sources.errors import SourceError
from sources.files.read import ReadFiles
from sources.kafka.read import ReadKafka
from sources.kafka.url import parse_url
from sources.kafka.watermark import Lateness
from sources.options import InputSettings, KafkaSettings, is_file_input, split_columns
from transforms.messages.dead_letters import DeadLetterBatch
from transforms.messages.events import EventBatch


class Events(NamedTuple):
    """What a source gives.

    Attributes:
        events: batches of events; a batch's timestamp is the smallest time in it.
        malformed: the lines or values that are not events.
        late: Kafka only, else None: batches of events that came when their partition's watermark
            had passed them by more than the allowed lateness. They are not in `events`.
        is_bounded_files: whether they come from files, so that nothing is late.
    """

    events: beam.PCollection[EventBatch]
    malformed: beam.PCollection[DeadLetterBatch]
    late: beam.PCollection[EventBatch] | None
    is_bounded_files: bool


class ReadEvents(beam.PTransform):
    """Reads the click-stream that the settings name.

    Counts `lines`, `events` and `malformed` in the namespace `rivulet`.

    Args:
        chosen: where the events are; its `input` must be set.
        kafka: how a topic is read; not used for files.

    Raises:
        SourceError: the input cannot be read; one line that says why and what to do.
    """

    def __init__(self, chosen: InputSettings, kafka: KafkaSettings | None = None) -> None:
        super().__init__()
        if not chosen.input:
            raise SourceError("no input: give --input a path or a URL")
        self.files = is_file_input(chosen.input)
        self.source: ReadFiles | ReadKafka
        if self.files:
            columns = split_columns(chosen.columns) if chosen.columns else None
            self.source = ReadFiles(chosen.input, columns)
        else:
            self.source = read_kafka(chosen.input, kafka or KafkaSettings())

    def expand(self, pbegin: beam.pvalue.PBegin) -> Events:
        """The input as batches."""
        found = pbegin | self.source
        late = None if self.files else found.late
        return Events(found.events, found.malformed, late, self.files)


def read_kafka(url: str, chosen: KafkaSettings) -> ReadKafka:
    """The source for a topic.

    Raises:
        SourceError: the URL is wrong, or the read is bounded and the topic cannot be seen.
    """
    lateness = Lateness(
        chosen.max_out_of_orderness,
        chosen.allowed_lateness,
        chosen.idle_timeout,
        chosen.silence_timeout,
    )
    return ReadKafka(
        parse_url(url, chosen.security),
        lateness,
        chosen.kafka_start,
        chosen.is_bounded,
        chosen.kafka_refresh,
        chosen.kafka_group,
    )
