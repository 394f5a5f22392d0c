"""The progress of each worker of a running job, written once a second for the web page.

The figures depend on the clock. No result depends on them, and a store that does not take them
does not hold up the job.
"""

from __future__ import annotations

import atexit
import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import apache_beam as beam

from sinks.base import Store, StoreSource, WorkerCounts
from sinks.retry import error_line
from transforms.progress import SHARED_PROGRESS, ProgressCounters

PERIOD = 1.0
"""Seconds between two reports."""
LINGER = 2.0
"""Seconds without a user after which a reporter ends: some runners set steps up for each bundle."""
UNCHANGED_PERIOD = 5.0
"""Seconds between two reports of the same counts."""

_LOG = logging.getLogger(__name__)


class Heartbeat(beam.DoFn):
    """Reports this process's progress to a store while the step is set up; yields nothing.

    All steps of a job in one process share one reporter for each store.

    Args:
        source: a store that accepts WorkerCounts.
        run: start of the job, in milliseconds since the epoch.
        progress: the job's counters.
    """

    def __init__(
        self, source: StoreSource, run: int, progress: ProgressCounters = SHARED_PROGRESS
    ) -> None:
        self._key = (source, run, progress)

    def setup(self) -> None:
        """Starts a reporter unless another step of this process has."""
        with _LOCK:
            reporter = _REPORTERS.get(self._key)
            if reporter is None:
                reporter = _REPORTERS[self._key] = MetricsReporter(*self._key)
                reporter.start()
            reporter.users += 1

    def process(self, element: Any) -> Iterator[None]:
        """Ignores the element."""
        del element
        return iter(())

    def teardown(self) -> None:
        """Lets the reporter end unless other steps of this process use it."""
        with _LOCK:
            reporter = _REPORTERS.get(self._key)
            if reporter is not None:
                reporter.users -= 1


class MetricsReporter(threading.Thread):
    """A thread that writes a job's progress counters to a store.

    Args:
        source: the store.
        run: start of the job, in milliseconds since the epoch.
        progress: the job's counters.
        wait: waits for a number of seconds.
    """

    def __init__(
        self,
        source: StoreSource,
        run: int,
        progress: ProgressCounters,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(daemon=True, name="metrics-reporter")
        self.users = 0
        self._key = (source, run, progress)
        self._run, self._progress, self._wait = run, progress, wait
        self._lock = threading.Lock()
        self._store: Store = source.open()
        self._write = self._store.writer(WorkerCounts)
        self._has_warned = False
        self._reported: dict[str, int] = {}
        self._reported_at = 0.0

    def run(self) -> None:
        """Reports until there has been no user for LINGER seconds."""
        idle = 0.0
        while idle < LINGER:
            self._wait(PERIOD)
            idle = 0.0 if self.users else idle + PERIOD
            self.report()
        with _LOCK:
            if not self.users and _REPORTERS.get(self._key) is self:
                del _REPORTERS[self._key]
        self.report()
        self._store.close()

    def report(self) -> None:
        """Writes the counts if they changed, or if the last report is UNCHANGED_PERIOD old."""
        with self._lock:
            counts, now = self._progress.values(), time.time()
            if counts == self._reported and now - self._reported_at < UNCHANGED_PERIOD:
                return
            try:
                self._write(WorkerCounts(self._run, _WORKER, now, counts))
            except Exception as error:
                if not self._has_warned:
                    self._has_warned = True
                    name = self._store.name
                    _LOG.warning("%s does not take the job's progress: %s", name, error_line(error))
            else:
                self._reported, self._reported_at, self._has_warned = counts, now, False


_WORKER = uuid.uuid4().hex
_REPORTERS: dict[tuple[StoreSource, int, ProgressCounters], MetricsReporter] = {}
_LOCK = threading.Lock()


@atexit.register
def _report_at_exit() -> None:
    for reporter in list(_REPORTERS.values()):
        reporter.report()
