"""The catalogue's items to the stores that keep them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import apache_beam as beam

from sinks import shared_stores
from sinks.base import Store, StoreSource
from sinks.retry import retry_outages
from transforms.messages.catalogue_items import CatalogueItems
from transforms.progress import SHARED_PROGRESS, ProgressCounters


class WriteItems(beam.PTransform):
    """Writes items to each store that has a place for them.

    Args:
        stores: where to write.
        progress: the job's counters.
    """

    def __init__(
        self, stores: Sequence[StoreSource], progress: ProgressCounters = SHARED_PROGRESS
    ) -> None:
        super().__init__()
        self._stores, self._progress = list(stores), progress

    def expand(self, items: beam.PCollection[CatalogueItems]) -> beam.PCollection[None]:
        """A step for each store."""
        done = items
        for number, store in enumerate(self._stores, 1):
            done = items | f"Store {number}" >> beam.ParDo(_Write(store, self._progress))
        return done


@beam.typehints.with_output_types(None)
class _Write(beam.DoFn):
    def __init__(self, source: StoreSource, progress: ProgressCounters) -> None:
        self._source, self._progress = source, progress
        self._store: Store | None = None

    def setup(self) -> None:
        self._store = shared_stores.acquire(self._progress.job, self._source)

    def process(self, items: CatalogueItems) -> Iterator[None]:
        if self._store is not None:
            retry = retry_outages(self._store, progress=self._progress)
            retry(self._store.writer(CatalogueItems), items)
        return iter(())

    def teardown(self) -> None:
        if self._store is not None:
            self._store = None
            shared_stores.release(self._progress.job, self._source)
