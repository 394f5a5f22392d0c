"""Simulated clicks as a stream in real time, inside this process: no Kafka, no Flink.

Beam's BundleBasedDirectRunner can run an unbounded pipeline if a TestStream feeds it, and a
TestStream can be fed by a service while it runs. So this is a streaming run as on Flink, with
panes that are closed by a watermark; it is fast enough for hundreds of events a second.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import apache_beam as beam
from apache_beam.metrics import Metrics
from apache_beam.options.pipeline_options import StandardOptions
from apache_beam.portability.api import beam_runner_api_pb2
from apache_beam.runners.runner import PipelineResult
from apache_beam.testing.test_stream import TestStream
from apache_beam.testing.test_stream_service import TestStreamServiceController
from apache_beam.transforms.window import TimestampedValue

from pipelines.graph import branches
from pipelines.recommend import build
from pipelines.running.command_line import JobOptions
from simulation.live import COLUMNS, LiveClicks
from sources.files.read import MALFORMED
from sources.options import InputSettings
from sources.parsing.blocks import parse_block
from sources.parsing.layout import Layout
from sources.read import Events
from transforms.messages.dead_letters import DeadLetterBatch
from transforms.messages.events import EventBatch
from transforms.progress import SHARED_PROGRESS

RUNNER = "BundleBasedDirectRunner"
SOURCE = "simulated clicks"
_TICK_SECONDS = 0.5
_MICROS = 1_000_000
_Event: Any = beam_runner_api_pb2.TestStreamPayload.Event
_NO_TAG = "None"


@dataclass
class Feed:
    """Gives the stream's lines when the clock has come to them.

    Attributes:
        clicks: the stream.
        start: event time at which it begins.
        past: seconds of event time that are given at once, before real time begins.
        speed: seconds of event time in a second of the clock.
        step: seconds of event time by which the watermark moves at most at once.
        stopped: set it, and the feed ends.
    """

    clicks: LiveClicks
    start: int
    past: int
    speed: float
    step: int
    stopped: threading.Event = field(default_factory=threading.Event)

    def read_multiple(self, labels: Any) -> Iterator[Any]:
        """The events of the stream, as Beam's TestStreamServiceController asks for them."""
        del labels
        given = self.start
        begun = time.monotonic()
        while not self.stopped.is_set():
            now = self.start + self.past + int(self.speed * (time.monotonic() - begun))
            upto = min(given + self.step, now)
            if upto <= given:
                self.stopped.wait(_TICK_SECONDS)
                continue
            lines = self.clicks.until(upto)
            if lines:
                yield _elements(b"\n".join(lines), given)
            given = upto
            yield _watermark(upto - self.clicks.out_of_orderness - 1)


def _elements(block: bytes, moment: int) -> Any:
    element = beam_runner_api_pb2.TestStreamPayload.TimestampedElement(
        encoded_element=block, timestamp=moment * _MICROS
    )
    return _Event(element_event=_Event.AddElements(elements=[element], tag=_NO_TAG))


def _watermark(moment: int) -> Any:
    return _Event(
        watermark_event=_Event.AdvanceWatermark(new_watermark=moment * _MICROS, tag=_NO_TAG)
    )


def start(options: JobOptions, feed: Feed) -> PipelineResult:
    """Starts the main job on a feed.

    It goes on until the process ends. (A feed that is stopped ends the stream, and so gives
    windows that were not over yet.)
    """
    service = TestStreamServiceController(feed)
    service.start()
    options.beam.view_as(StandardOptions).streaming = True
    settings = options.settings.replace(InputSettings, input=SOURCE)
    pipeline = beam.Pipeline(runner=RUNNER, options=options.beam)
    events = _read(pipeline, service.endpoint)
    flow = branches.Flow(settings, events, [events.malformed])
    build(flow)
    branches.write_letters(flow)
    return pipeline.run()


def _read(pipeline: beam.Pipeline, endpoint: str) -> Events:
    """The events of a feed, as `sources.read.ReadEvents` gives those of a topic."""
    parsed = (
        pipeline
        | "Clicks" >> TestStream(beam.coders.BytesCoder(), endpoint=endpoint)
        | "Parse" >> beam.ParDo(_Parse()).with_outputs(MALFORMED, main="events")
    )
    return Events(parsed.events, parsed[MALFORMED], None, is_bounded_files=False)


@beam.typehints.with_output_types(EventBatch, malformed=DeadLetterBatch)
class _Parse(beam.DoFn):
    def __init__(self) -> None:
        self._layout = Layout.of(COLUMNS, SOURCE)
        self._lines = Metrics.counter("rivulet", "lines")
        self._malformed = Metrics.counter("rivulet", "malformed")

    def process(self, block: bytes) -> Iterator[Any]:
        events, malformed = parse_block(block, self._layout)
        self._lines.inc(len(events) + len(malformed))
        self._malformed.inc(len(malformed))
        SHARED_PROGRESS.record_read(events.time, len(malformed))
        if len(malformed):
            yield beam.pvalue.TaggedOutput(MALFORMED, malformed.letters([SOURCE] * len(malformed)))
        if len(events):
            yield TimestampedValue(events, int(events.time.min()))
