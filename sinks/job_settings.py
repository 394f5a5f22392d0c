"""The settings of a job, written to its stores for those who read them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import apache_beam as beam

from sinks import shared_stores
from sinks.base import StoreSource
from sinks.retry import retry_outages
from transforms.messages.job import JobSettings
from transforms.progress import SHARED_PROGRESS, ProgressCounters


class WriteJobSettings(beam.PTransform):
    """Writes a job's settings to its stores when a worker starts.

    The input is any collection of the job. Its elements are ignored: a job that is resumed from a
    savepoint starts its workers again, but gets no element again.

    Args:
        stores: where to write; those that have no place for settings are left out.
        settings: the job's run and settings.
        progress: the job's counters.
    """

    def __init__(
        self,
        stores: Sequence[StoreSource],
        settings: JobSettings,
        progress: ProgressCounters = SHARED_PROGRESS,
    ) -> None:
        super().__init__()
        self._stores = [store for store in stores if store.accepts(JobSettings)]
        self._settings, self._progress = settings, progress

    def expand(self, elements: beam.PCollection[Any]) -> beam.PCollection[None]:
        """Attaches a step for each store."""
        done = elements
        for number, store in enumerate(self._stores, 1):
            step = _WriteSettings(store, self._settings, self._progress)
            done = elements | f"Store {number}" >> beam.ParDo(step)
        return done


@beam.typehints.with_output_types(None)
class _WriteSettings(beam.DoFn):
    def __init__(
        self, source: StoreSource, settings: JobSettings, progress: ProgressCounters
    ) -> None:
        self._source, self._settings, self._progress = source, settings, progress

    def setup(self) -> None:
        store = shared_stores.acquire(self._progress.job, self._source)
        try:
            retry = retry_outages(store, progress=self._progress)
            retry(store.prepare)
            retry(store.writer(JobSettings), self._settings)
        finally:
            shared_stores.release(self._progress.job, self._source)

    def process(self, element: Any) -> Iterator[None]:
        del element
        return iter(())
