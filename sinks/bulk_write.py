"""The DoFn that writes frames to one store."""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

import apache_beam as beam
from apache_beam.metrics import Metrics
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.windowed_value import WindowedValue

from sinks import shared_stores
from sinks.base import Refusal, StoreSource
from sinks.retry import retry_outages
from sinks.serial_executor import SerialExecutor
from sinks.write_priority import WritePriority, host_urgent_writes
from transforms.columns.frames import Frame
from transforms.messages.dead_letters import DeadLetter, DeadLetterBatch
from transforms.progress import ProgressCounters

QUEUED_ROWS = 65_536
"""Rows of a bundle that may be queued for a store; bounds the memory that they take."""

REFUSED = "refused by the store"
"""Reason of the dead letters."""


@dataclass(slots=True)
class _Written:
    """The outcome of writing one frame.

    Attributes:
        rows: rows that were written.
        refusals: rows that were refused.
        millis: milliseconds that it took, with all attempts.
        retries: failed attempts.
    """

    rows: int
    refusals: Sequence[Refusal]
    millis: int
    retries: int


@beam.typehints.with_output_types(DeadLetterBatch)
class BulkWrite(beam.DoFn):
    """Writes frames to a store, one after another, in a thread beside the bundle.

    A slow store does not hold up the writes to others. A bundle ends only when all of its frames
    are written.

    Args:
        source: opens the store.
        frame_type: type of the frames.
        priority: which writes wait for which on this host.
        progress: the job's counters.
    """

    def __init__(
        self,
        source: StoreSource,
        frame_type: type[Frame],
        priority: WritePriority,
        progress: ProgressCounters,
    ) -> None:
        self._source, self._type, self._priority = source, frame_type, priority
        self._progress = progress
        self._rows = Metrics.counter("rivulet", "sink_rows")
        self._retries = Metrics.counter("rivulet", "sink_retries")
        self._refused = Metrics.counter("rivulet", "refused")
        self._millis = Metrics.distribution("rivulet", "sink_write_millis")

    def setup(self) -> None:
        """Opens and prepares the store."""
        self._store = shared_stores.acquire(self._progress.job, self._source)
        try:
            retry_outages(self._store, self._retries.inc, self._progress)(self._store.prepare)
            self._write = self._store.writer(self._type)
        except BaseException:
            shared_stores.release(self._progress.job, self._source)
            raise
        self._executor = SerialExecutor("bulk-write")

    def start_bundle(self) -> None:
        """Begins with an empty queue."""
        self._queued: deque[tuple[int, Future[_Written]]] = deque()

    def process(self, frame: Frame) -> Iterator[DeadLetterBatch]:
        """Queues a frame; yields the dead letters of frames that are written."""
        if not len(frame):
            return
        while self._queued and (
            self._queued[0][1].done() or sum(rows for rows, _ in self._queued) >= QUEUED_ROWS
        ):
            yield from self._await_oldest()
        future = self._executor.submit(lambda: self._write_frame(frame))
        self._queued.append((len(frame), future))

    def finish_bundle(self) -> Iterator[WindowedValue]:
        """Waits for all frames; yields their dead letters."""
        while self._queued:
            for letters in self._await_oldest():
                yield WindowedValue(letters, min(letters.times), (GlobalWindow(),))

    def teardown(self) -> None:
        """Gives the store back after what is queued."""
        self._executor.submit(lambda: shared_stores.release(self._progress.job, self._source))
        self._executor.close()

    def _write_frame(self, frame: Frame) -> _Written:
        """Runs in the executor's thread, where Beam's metrics cannot be updated."""
        retries: list[None] = []
        urgent = self._priority is WritePriority.URGENT
        if self._priority is WritePriority.YIELDING:
            host_urgent_writes().yield_to_urgent()
        elif urgent:
            host_urgent_writes().begin_urgent()
        started = time.monotonic()
        retry = retry_outages(self._store, lambda: retries.append(None), self._progress)
        refusals = retry(self._write, frame)
        if urgent:
            host_urgent_writes().begin_urgent()
        millis = int((time.monotonic() - started) * 1000)
        return _Written(len(frame) - len(refusals), refusals, millis, len(retries))

    def _await_oldest(self) -> Iterator[DeadLetterBatch]:
        """Waits for the oldest frame; yields its dead letters, or raises its error."""
        written = self._queued.popleft()[1].result()
        self._millis.update(written.millis)
        self._rows.inc(written.rows)
        self._retries.inc(written.retries)
        self._refused.inc(len(written.refusals))
        if written.refusals:
            yield DeadLetterBatch.of(map(self._letter, written.refusals))

    def _letter(self, refusal: Refusal) -> DeadLetter:
        return DeadLetter(
            source=f"{self._store.name} {refusal.table}",
            reason=REFUSED,
            raw=json.dumps({**refusal.row, "why": refusal.why}, default=str),
            time=refusal.time,
        )
