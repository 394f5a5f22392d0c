"""Removes what is older than a store keeps, by event time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import apache_beam as beam
from apache_beam.metrics import Metrics
from apache_beam.transforms.timeutil import TimeDomain
from apache_beam.transforms.userstate import TimerSpec, on_timer

from sinks import shared_stores
from sinks.base import StoreSource
from sinks.retry import retry_outages
from transforms.progress import SHARED_PROGRESS, ProgressCounters

PERIOD = 3600
"""Seconds of event time between two removals."""


class RemoveOld(beam.PTransform):
    """Removes what is older than each store's retention, when the watermark passes each PERIOD.

    The watermark also waits for what the stores are written, so that in a batch the removal comes
    after the writes. Input: the latest time of each of the job's blocks, and what the writes to the
    stores give. The latter's elements are not looked at.

    Args:
        stores: the stores; those without retention keep all.
        progress: the job's counters.
    """

    def __init__(
        self, stores: Sequence[StoreSource], progress: ProgressCounters = SHARED_PROGRESS
    ) -> None:
        super().__init__()
        self._stores = [store for store in stores if store.retention]
        self._progress = progress

    def expand(
        self, inputs: tuple[beam.PCollection[int], Sequence[beam.PCollection[Any]]]
    ) -> beam.PCollection[None]:
        """Attaches a step for each store."""
        times, written = inputs
        parts = [
            part | f"Written {number}" >> beam.FlatMap(_nothing).with_output_types(int)
            for number, part in enumerate(written, 1)
        ]
        keyed = (
            (times, *parts)
            | "Times" >> beam.Flatten()
            | "One key" >> beam.Map(_keyed).with_output_types(tuple[int, int])
        )
        done = keyed
        for number, store in enumerate(self._stores, 1):
            step = _RemoveOld(store, self._progress)
            done = keyed | f"Store {number}" >> beam.ParDo(step)
        return done


def _nothing(element: Any) -> Iterator[int]:
    del element
    return iter(())


def _keyed(time: int) -> tuple[int, int]:
    return 0, time


@beam.typehints.with_input_types(tuple[int, int])
@beam.typehints.with_output_types(None)
class _RemoveOld(beam.DoFn):
    REMOVE = TimerSpec("remove_old", TimeDomain.WATERMARK)

    def __init__(self, source: StoreSource, progress: ProgressCounters) -> None:
        self._source, self._progress = source, progress
        self._removed = Metrics.counter("rivulet", "removed_by_retention")

    def setup(self) -> None:
        self._store = shared_stores.acquire(self._progress.job, self._source)
        self._retry = retry_outages(self._store, progress=self._progress)

    def teardown(self) -> None:
        shared_stores.release(self._progress.job, self._source)

    def process(
        self, element: tuple[int, int], timers: Any = beam.DoFn.TimerParam(REMOVE)
    ) -> Iterator[None]:
        """Sets a timer after the block."""
        at = (element[1] // PERIOD + 1) * PERIOD
        timers.set(at, dynamic_timer_tag=str(at))
        return iter(())

    @on_timer(REMOVE)
    def fire(self, tag: str = beam.DoFn.DynamicTimerTagParam) -> Iterator[None]:
        """Removes what is older than the start of the timer's period less the retention."""
        # The block's last event is in the period: nothing younger than the retention is removed.
        before = int(tag) - PERIOD - self._source.retention
        if before > 0:
            self._removed.inc(self._retry(self._store.remove_before, before))
        return iter(())
