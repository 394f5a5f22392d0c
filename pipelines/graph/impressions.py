"""Impressions on their way to the feedback: read, closed, their dead letters."""

from __future__ import annotations

import apache_beam as beam

from pipelines.graph.job_graph import JobGraph
from pipelines.graph.late_events import LateEventsToDeadLetters
from pipelines.options import FeedbackSettings
from rivulet.urls import public_name
from sources.impressions import ReadImpressions
from sources.options import InputSettings, KafkaSettings
from transforms.messages.events import EventBatch
from transforms.windows.panes import ClosePanes


def close_impressions(job: JobGraph) -> beam.PCollection[tuple[int, EventBatch]] | None:
    """Complete blocks of impressions, without duplicates; None where the job has none.

    Late and malformed impressions become dead letters.

    Raises:
        SourceError: the impressions cannot be read.
    """
    url = job.settings[FeedbackSettings].impressions
    if url is None:
        return None
    source = ReadImpressions(
        url, job.settings[InputSettings], job.settings[KafkaSettings], job.progress
    )
    read = job.events.events.pipeline | "Read impressions" >> source
    progress = source.progress
    closed = read.events | "Close impression panes" >> ClosePanes(
        job.pane, job.shards, job.bounded, job.allowed_lateness, progress
    )
    job.dead_letters.append(read.malformed)
    to_letters = LateEventsToDeadLetters(public_name(url), progress, behaviors=False)
    for label, late in (("pane", closed.late), ("source", read.late)):
        if late is not None:
            label = f"Late impressions at {label}"
            job.dead_letters.append(late | label >> beam.ParDo(to_letters))
    blocks: beam.PCollection[tuple[int, EventBatch]] = closed.blocks
    return blocks
