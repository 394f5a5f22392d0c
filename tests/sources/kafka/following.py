"""Follows a topic until it is stopped, and writes down what comes; run as a program.

    python -m tests.sources.kafka.following OUTPUT --input=kafka://HOST:PORT/TOPIC [options]

A line of JSON for each batch of events, dead letter, batch of late events and window of ten
seconds.
"""

import json
import logging
import sys
from pathlib import Path

import apache_beam as beam
from apache_beam.transforms.window import FixedWindows, TimestampedValue

from pipelines.running.command_line import read_command_line
from sources.options import InputSettings, KafkaSettings
from sources.read import ReadEvents
from transforms.messages.dead_letters import DeadLetterBatch
from transforms.messages.events import EventBatch

WINDOW = 10


class Note(beam.DoFn):
    """Appends what it gets to the file."""

    def __init__(self, path: str, kind: str) -> None:
        self._path, self._kind = path, kind

    def process(self, value: object) -> None:
        with Path(self._path).open("a") as file:
            file.write(json.dumps({self._kind: value}) + "\n")


class Count(beam.DoFn):
    """The number of events of a window, when it closes."""

    def process(
        self, element: tuple[int, int], window: beam.window.IntervalWindow = beam.DoFn.WindowParam
    ) -> list[tuple[int, int]]:
        return [(int(window.start), element[1])]


def rows(batch: EventBatch) -> list[tuple[int, int]]:
    return list(zip(batch.user.tolist(), batch.time.tolist(), strict=True))


def letters(found: DeadLetterBatch) -> list[tuple[str, str]]:
    return [(letter.source, letter.reason) for letter in found]


def main(path: str, argv: list[str]) -> None:
    concerns = (InputSettings, KafkaSettings)
    options = read_command_line(argv, "tests.sources.following", __doc__ or "", concerns)
    pipeline = beam.Pipeline(options=options.beam)
    read = pipeline | ReadEvents(*(options.settings[concern] for concern in concerns))
    for kind, values in (
        ("events", read.events | beam.Map(rows)),
        ("late", read.late | "Late rows" >> beam.Map(rows)),
        ("letter", read.malformed | beam.FlatMap(letters)),
        (
            "window",
            read.events
            | beam.FlatMap(lambda batch: [TimestampedValue((0, 1), t) for t in batch.time.tolist()])
            | beam.WindowInto(FixedWindows(WINDOW))
            | beam.CombinePerKey(sum)
            | beam.ParDo(Count()),
        ),
    ):
        _ = values | f"Note {kind}" >> beam.ParDo(Note(path, kind))
    pipeline.run().wait_until_finish()


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    main(sys.argv[1], sys.argv[2:])
