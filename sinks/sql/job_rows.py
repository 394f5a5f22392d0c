"""The rows that a job writes about itself: its settings and the progress of its workers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy.engine import Engine

from sinks.base import Refusal, WorkerCounts, Write
from sinks.sql.item_rows import items_writer
from sinks.sql.names import named
from sinks.sql.schema import JOB, JOB_WORKER
from sinks.sql.upserts import upsert
from transforms.messages.catalogue_items import CatalogueItems
from transforms.messages.job import JobSettings

KEPT_RUNS_MS = 7 * 86_400_000
"""Milliseconds for which the workers' rows of earlier runs are kept."""


def settings_writer(engine: Engine, prefix: str = "") -> Write:
    """The function that writes a run's settings."""
    table = named(JOB, prefix)

    def write(job: JobSettings) -> Sequence[Refusal]:
        row = {"run": job.run, "settings": dict(job.settings)}
        with engine.begin() as connection:
            connection.execute(upsert(table, engine.dialect.name), row)
        return []

    return write


def worker_writer(engine: Engine, prefix: str = "") -> Write:
    """The function that writes a worker's counts; the first call creates and cleans the table."""
    table, is_prepared = named(JOB_WORKER, prefix), False

    def write(worker: WorkerCounts) -> Sequence[Refusal]:
        nonlocal is_prepared
        row = {
            "run": worker.run,
            "worker": worker.worker,
            "updated_at": worker.updated_at,
            "counts": dict(worker.counts),
        }
        with engine.begin() as connection:
            if not is_prepared:
                table.create(connection, checkfirst=True)
                is_old = table.c.run < worker.run - KEPT_RUNS_MS
                connection.execute(table.delete().where(is_old))
            connection.execute(upsert(table, engine.dialect.name), row)
        is_prepared = True
        return []

    return write


JOB_WRITERS: dict[type[Any], Callable[[Engine, str], Write]] = {
    JobSettings: settings_writer,
    WorkerCounts: worker_writer,
    CatalogueItems: items_writer,
}
"""For each type of message about a job, what makes its writer, from a database and a prefix."""
