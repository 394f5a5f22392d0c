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
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import apache_beam as beam
import tenacity
from apache_beam.metrics import Metrics

from sources.dead_letters import DeadLetter
from transforms.frames import Frame

_LOG = logging.getLogger(__name__)

LONGEST_WAIT = 10.0
"""Seconds between two tries of a store that does not answer, at the most."""


class SinkError(ValueError):
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


def patiently(store: Store, retries: Callable[[], None] = lambda: None) -> tenacity.Retrying:
    """Tries again, with exponential backoff and jitter, for as long as the store is out."""

    def tell(state: tenacity.RetryCallState) -> None:
        retries()
        error = state.outcome.exception() if state.outcome else None
        _LOG.warning(
            "%s does not answer (%s); try %d follows",
            store.name, _words(error), state.attempt_number + 1,
        )  # fmt: skip

    return tenacity.Retrying(
        retry=tenacity.retry_if_exception(store.is_outage),
        wait=tenacity.wait_random_exponential(multiplier=0.2, max=LONGEST_WAIT),
        before_sleep=tell,
        reraise=True,
    )


def _words(error: BaseException | None) -> str:
    """An error in one short line; drivers' messages name hosts and users, never passwords."""
    said = str(getattr(error, "orig", None) or error)
    return f"{type(error).__name__}: {said.splitlines()[0][:200] if said else ''}"


class WriteTo(beam.PTransform):
    """Writes frames to a store and gives the dead letters of the rows that it refused.

    Args:
        source: how a worker opens the store.
        frame_type: what the frames are: EventBatch, PopularRows, Recommendations, ...
    """

    def __init__(self, source: StoreSource, frame_type: type[Frame]) -> None:
        super().__init__()
        self._source, self._type = source, frame_type

    def expand(self, frames: beam.PCollection[Frame]) -> beam.PCollection[DeadLetter]:
        """Bulk-write each frame."""
        return frames | "Write" >> beam.ParDo(_BulkWrite(self._source, self._type))


@beam.typehints.with_output_types(DeadLetter)
class _BulkWrite(beam.DoFn):
    def __init__(self, source: StoreSource, frame_type: type[Frame]) -> None:
        self._source, self._type = source, frame_type
        self._rows = Metrics.counter("rivulet", "sink_rows")
        self._retries = Metrics.counter("rivulet", "sink_retries")
        self._refused = Metrics.counter("rivulet", "refused")
        self._millis = Metrics.distribution("rivulet", "sink_write_millis")

    def setup(self) -> None:
        self._store = shared_store(self._source)
        self._patiently = patiently(self._store, self._retries.inc)
        self._patiently(self._store.prepare)
        self._write = self._store.writer(self._type)

    def process(self, frame: Frame) -> Iterator[DeadLetter]:
        if not len(frame):
            return
        started = time.monotonic()
        refusals = self._patiently(self._write, frame)
        self._millis.update(int((time.monotonic() - started) * 1000))
        self._rows.inc(len(frame) - len(refusals))
        self._refused.inc(len(refusals))
        for refusal in refusals:
            yield DeadLetter(
                source=f"{self._store.name} {refusal.table}",
                reason="refused by the store",
                raw=json.dumps({**refusal.row, "why": refusal.why}, default=str),
                time=refusal.time,
            )
