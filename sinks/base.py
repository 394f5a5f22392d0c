"""What every store has in common: bulk writes, retries, refusals, metrics.

A store says how a frame of rows is written in bulk. `WriteTo` makes a custom sink of it for
any runner: one store (one pool of connections) per worker, exponential backoff for as long
as the store does not answer, and dead letters for the rows that it refuses for good.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Protocol

import apache_beam as beam
import tenacity
from apache_beam.metrics import Metrics
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.windowed_value import WindowedValue

from rivulet.errors import UserError
from sinks.serial_executor import SerialExecutor
from sinks.write_priority import WritePriority, of_this_host
from transforms.columns.frames import Frame
from transforms.messages.dead_letters import DeadLetter, DeadLetterBatch
from transforms.progress import SHARED_PROGRESS, ProgressCounters

_LOG = logging.getLogger(__name__)

QUEUED_ROWS = 65_536
"""Rows that wait for a store within a bundle, about: bounds the memory that they take."""

LONGEST_WAIT = 10.0
"""Seconds between two tries of a store that does not answer, at the most."""


class SinkError(UserError, ValueError):
    """A sink cannot be used as it was asked for: one line that says why and what to do."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A row that a store refused for good.

    Attributes:
        table: where it should have gone.
        row: its values by name.
        why: the store's words (no secrets in them).
        time: the row's time in seconds since the epoch.
    """

    table: str
    row: dict[str, Any]
    why: str
    time: int


Write = Callable[[Any], Sequence[Refusal]]


class Store(Protocol):
    """A connection to one store. Writing the same rows again changes nothing."""

    name: str
    """What messages call it: its URL without the secrets."""

    def prepare(self) -> None:
        """Makes what is missing: tables, indexes. Safe to repeat and to do side by side."""

    def writer(self, frame_type: type[Frame]) -> Write:
        """How frames of this type are written in bulk.

        The function gives the rows that were refused for good; their neighbours are written.
        It raises an error for which `is_outage` holds where the store does not answer.

        Raises:
            SinkError: this store has no place for such rows.
        """

    def is_outage(self, error: BaseException) -> bool:
        """Whether it is worth to try again after `error`."""

    def close(self) -> None:
        """Gives the connections back."""


class StoreSource(Protocol):
    """How a worker opens a store; small, hashable, and can be pickled."""

    @property
    def name(self) -> str:
        """The URL without its secrets."""
        ...

    def open(self) -> Store:
        """A new connection (or pool of them)."""


_STORES: dict[StoreSource, Store] = {}
_LOCK = threading.Lock()


def shared_store(source: StoreSource) -> Store:
    """The worker's one store for this source: threads of a process share its pool."""
    with _LOCK:
        if source not in _STORES:
            _STORES[source] = source.open()
        return _STORES[source]


def patiently(
    store: Store,
    retries: Callable[[], None] = lambda: None,
    progress: ProgressCounters = SHARED_PROGRESS,
) -> Callable[..., Any]:
    """Tries again, with exponential backoff and jitter, for as long as the store is out.

    Returns:
        What does something so: `patiently(store)(do, *arguments)`.
    """

    def tell(state: tenacity.RetryCallState) -> None:
        retries()
        progress.record_retries(store.name, state.attempt_number)
        error = state.outcome.exception() if state.outcome else None
        _LOG.warning(
            "%s does not answer (%s); try %d follows",
            store.name, _words(error), state.attempt_number + 1,
        )  # fmt: skip

    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception(store.is_outage),
        wait=tenacity.wait_random_exponential(multiplier=0.2, max=LONGEST_WAIT),
        before_sleep=tell,
        reraise=True,
    )

    def patient(do: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return retrying(do, *arguments)
        finally:
            progress.record_retries(store.name, 0)

    return patient


def _words(error: BaseException | None) -> str:
    """An error in one short line; drivers' messages name hosts and users, never passwords."""
    said = str(getattr(error, "orig", None) or error).split(", full error: ")[0]
    return f"{type(error).__name__}: {said.splitlines()[0][:200] if said else ''}"


class WriteTo(beam.PTransform):
    """Writes frames to a store and gives the dead letters of the rows that it refused.

    Args:
        source: how a worker opens the store.
        frame_type: what the frames are: EventBatch, PopularRows, Recommendations, ...
        way: whether writes take the right of way, give it to others, or neither.
        progress: the job's counters.
    """

    def __init__(
        self,
        source: StoreSource,
        frame_type: type[Frame],
        way: WritePriority = WritePriority.NEITHER,
        progress: ProgressCounters = SHARED_PROGRESS,
    ) -> None:
        super().__init__()
        self._source, self._type, self._way = source, frame_type, way
        self._progress = progress

    def expand(self, frames: beam.PCollection[Frame]) -> beam.PCollection[DeadLetterBatch]:
        """Bulk-write each frame."""
        write = _BulkWrite(self._source, self._type, self._way, self._progress)
        return frames | "Write" >> beam.ParDo(write)


@dataclass(slots=True)
class _Written:
    """What came of a bulk write."""

    rows: int
    refusals: Sequence[Refusal]
    millis: int
    retries: int


@beam.typehints.with_output_types(DeadLetterBatch)
class _BulkWrite(beam.DoFn):
    """Writes frame after frame, beside what the bundle does meanwhile: other stores' writes too.

    Frames queue for the store, so that a slow one does not hold up a fast one. A bundle ends when
    all that it has given is written.
    """

    def __init__(
        self,
        source: StoreSource,
        frame_type: type[Frame],
        way: WritePriority,
        progress: ProgressCounters,
    ) -> None:
        self._source, self._type, self._way = source, frame_type, way
        self._progress = progress
        self._rows = Metrics.counter("rivulet", "sink_rows")
        self._retries = Metrics.counter("rivulet", "sink_retries")
        self._refused = Metrics.counter("rivulet", "refused")
        self._millis = Metrics.distribution("rivulet", "sink_write_millis")

    def setup(self) -> None:
        self._store = shared_store(self._source)
        patiently(self._store, self._retries.inc, self._progress)(self._store.prepare)
        self._write = self._store.writer(self._type)
        self._line = SerialExecutor("bulk-write")

    def start_bundle(self) -> None:
        self._queued: deque[tuple[int, Future[_Written]]] = deque()

    def process(self, frame: Frame) -> Iterator[DeadLetterBatch]:
        if not len(frame):
            return
        while self._queued and (
            self._queued[0][1].done() or sum(rows for rows, _ in self._queued) >= QUEUED_ROWS
        ):
            yield from self._settle()
        self._queued.append((len(frame), self._line.submit(lambda: self._written(frame))))

    def finish_bundle(self) -> Iterator[WindowedValue]:
        while self._queued:
            for letters in self._settle():
                yield WindowedValue(letters, min(letters.times), (GlobalWindow(),))

    def teardown(self) -> None:
        self._line.close()

    def _written(self, frame: Frame) -> _Written:
        # Beam's metrics take what the bundle's own thread tells; so this one only counts.
        tries: list[None] = []
        if self._way is WritePriority.GIVES:
            of_this_host().give()
        elif self._way is WritePriority.TAKES:
            of_this_host().take()
        started = time.monotonic()
        again = patiently(self._store, lambda: tries.append(None), self._progress)
        refusals = again(self._write, frame)
        if self._way is WritePriority.TAKES:
            of_this_host().take()
        millis = int((time.monotonic() - started) * 1000)
        return _Written(len(frame) - len(refusals), refusals, millis, len(tries))

    def _settle(self) -> Iterator[DeadLetterBatch]:
        """Waits for the oldest write; gives its dead letters, or raises its error."""
        done = self._queued.popleft()[1].result()
        self._millis.update(done.millis)
        self._rows.inc(done.rows)
        self._retries.inc(done.retries)
        self._refused.inc(len(done.refusals))
        if done.refusals:
            yield DeadLetterBatch.of(
                DeadLetter(
                    source=f"{self._store.name} {refusal.table}",
                    reason="refused by the store",
                    raw=json.dumps({**refusal.row, "why": refusal.why}, default=str),
                    time=refusal.time,
                )
                for refusal in done.refusals
            )
