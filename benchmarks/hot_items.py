"""Nexmark's query 5 as an idiomatic per-event pipeline from Kafka, for `benchmarks.flink`."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterator

import apache_beam as beam
from apache_beam.transforms.window import TimestampedValue

from benchmarks import per_event
from pipelines import popular
from pipelines.graph.job_graph import JobGraph
from transforms.messages.events import EventBatch


def lines(batch: EventBatch) -> Iterator[TimestampedValue]:
    """A line of CSV for each event, with the event's timestamp."""
    for user, item, moment in zip(
        batch.user.tolist(), batch.item.tolist(), batch.time.tolist(), strict=True
    ):
        yield TimestampedValue(f"{user},{item},pv,{moment}", moment)


def build(job: JobGraph) -> None:
    """Adds the per-event popular branch."""
    _ = per_event.popular(job.events.events | "Lines" >> beam.FlatMap(lines))


JOB = dataclasses.replace(popular.JOB, build=build)

if __name__ == "__main__":
    raise SystemExit(JOB.main(sys.argv[1:]))
