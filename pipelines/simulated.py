"""Runs the main job on simulated clicks in real time, in this process, without Kafka and Flink.

Beam's BundleBasedDirectRunner runs an unbounded pipeline if its source is a TestStream, and a
TestStream can read its events from a service. The job is therefore a stream, whose panes are closed
by the watermark, as on Flink. It processes hundreds of events a second.
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

from pipelines.graph.job_graph import JobGraph
from pipelines.options import ModelSettings
from pipelines.recommend import build
from pipelines.running.command_line import JobOptions
from simulation.live import COLUMNS, LiveClicks
from sources.malformed import MALFORMED
from sources.options import InputSettings
from sources.parsing.blocks import parse_block
from sources.parsing.layout import Layout
from sources.read import Events
from transforms.messages.dead_letters import DeadLetterBatch
from transforms.messages.events import EventBatch
from transforms.progress import ProgressCounters

RUNNER = "BundleBasedDirectRunner"
SOURCE = "simulated clicks"
_POLL_SECONDS = 0.5
_MICROS = 1_000_000
_Event: Any = beam_runner_api_pb2.TestStreamPayload.Event
_NO_TAG = "None"


@dataclass
class Feed:
    """Emits the lines of a stream in real time, with its watermark.

    Attributes:
        clicks: the stream.
        start: event time of its start, in seconds since the epoch.
        past: event time that is emitted at once, before real time begins, in seconds.
        speed: seconds of event time per second.
        step: maximum advance of the watermark between two elements, in seconds of event time.
        stopped: the feed ends when this event is set.
    """

    clicks: LiveClicks
    start: int
    past: int
    speed: float
    step: int
    stopped: threading.Event = field(default_factory=threading.Event)

    def read_multiple(self, labels: Any) -> Iterator[Any]:
        """The stream's events, in the form that Beam's TestStreamServiceController requires."""
        del labels
        emitted = self.start
        started = time.monotonic()
        while not self.stopped.is_set():
            now = self.start + self.past + int(self.speed * (time.monotonic() - started))
            upto = min(emitted + self.step, now)
            if upto <= emitted:
                self.stopped.wait(_POLL_SECONDS)
                continue
            lines = self.clicks.until(upto)
            if lines:
                yield _elements(b"\n".join(lines), emitted)
            emitted = upto
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


def start(options: JobOptions, feed: Feed, progress: ProgressCounters) -> PipelineResult:
    """Starts the main job on a feed.

    The job runs until the process ends. Stopping the feed ends the stream, which closes windows
    that are not complete.

    Args:
        options: the job's options.
        feed: the stream.
        progress: the job's counters.
    """
    service = TestStreamServiceController(feed)
    service.start()
    options.beam.view_as(StandardOptions).streaming = True
    # No input can be looked at; the users are those of the packaged model's world.
    settings = options.settings.replace(InputSettings, input=SOURCE).replace(
        ModelSettings, min_known=0.0
    )
    pipeline = beam.Pipeline(runner=RUNNER, options=options.beam)
    build(JobGraph(settings, _read(pipeline, service.endpoint, progress), progress))
    return pipeline.run()


def _read(pipeline: beam.Pipeline, endpoint: str, progress: ProgressCounters) -> Events:
    """The events of a feed, in the form of those of a topic (`sources.read.ReadEvents`)."""
    parsed = (
        pipeline
        | "Clicks" >> TestStream(beam.coders.BytesCoder(), endpoint=endpoint)
        | "Parse" >> beam.ParDo(_Parse(progress)).with_outputs(MALFORMED, main="events")
    )
    return Events(parsed.events, parsed[MALFORMED], None, is_bounded_files=False)


@beam.typehints.with_output_types(EventBatch, malformed=DeadLetterBatch)
class _Parse(beam.DoFn):
    def __init__(self, progress: ProgressCounters) -> None:
        self._progress = progress
        self._layout = Layout.of(COLUMNS, SOURCE)
        self._lines = Metrics.counter("rivulet", "lines")
        self._malformed = Metrics.counter("rivulet", "malformed")

    def process(self, block: bytes) -> Iterator[Any]:
        events, malformed = parse_block(block, self._layout)
        self._lines.inc(len(events) + len(malformed))
        self._malformed.inc(len(malformed))
        self._progress.record_read(events.time, len(malformed))
        if len(malformed):
            yield beam.pvalue.TaggedOutput(MALFORMED, malformed.letters([SOURCE] * len(malformed)))
        if len(events):
            yield TimestampedValue(events, int(events.time.min()))
