"""How each worker of a running job does, to an SQL store, once a second: for the page.

These are figures of the clock, kept apart from the data: nothing reads them back into a
result, and a store that does not take them holds nothing up.
"""

from __future__ import annotations

import atexit
import logging
import threading
import time
import uuid
from collections.abc import Iterator
from typing import Any

import apache_beam as beam
import sqlalchemy as sa

from sinks.sql.schema import JOB_WORKER
from sinks.sql.store import SqlSource
from sinks.sql.upserts import upsert
from transforms.progress import SHARED_PROGRESS, ProgressCounters

PERIOD_S = 1.0
LINGER_S = 2.0
STILL_HERE_S = 5.0
"""Seconds after which a worker that has done nothing new says so."""

KEPT_RUNS_MS = 7 * 86_400_000
"""Milliseconds for which the rows of earlier runs are kept."""

_LOG = logging.getLogger(__name__)


class Heartbeat(beam.DoFn):
    """Keeps this process's row of `job_worker` fresh while it works; gives nothing.

    Args:
        source: the store.
        run: the run, as its start in milliseconds since the epoch.
        progress: the job's counters.
    """

    def __init__(
        self, source: SqlSource, run: int, progress: ProgressCounters = SHARED_PROGRESS
    ) -> None:
        self._key = (source, run, progress)

    def setup(self) -> None:
        """Begins, if no other step of this process has."""
        with _LOCK:
            teller = _TELLERS.get(self._key)
            if teller is None:
                teller = _TELLERS[self._key] = _MetricsReporter(*self._key)
                teller.start()
            teller.users += 1

    def process(self, element: Any) -> Iterator[None]:
        """Nothing: the step is there to be set up where work is done."""
        del element
        return iter(())

    def teardown(self) -> None:
        """Ends, a little later, if no other step of this process goes on."""
        with _LOCK:
            teller = _TELLERS.get(self._key)
            if teller is not None:
                teller.users -= 1


class _MetricsReporter(threading.Thread):
    """Writes what `transforms.progress` has seen.

    Args:
        source: the store.
        run: the run.
        progress: the job's counters.
    """

    def __init__(self, source: SqlSource, run: int, progress: ProgressCounters) -> None:
        super().__init__(daemon=True, name="pulse")
        self.users = 0
        self._source, self._run, self._progress = source, run, progress
        self._one_at_a_time = threading.Lock()
        self._store = source.open()
        self._complained = False
        self._told: dict[str, int] = {}
        self._told_at = 0.0

    def run(self) -> None:
        """Tells until nobody has used it for a while: some runners set steps up per bundle."""
        idle = 0.0
        while idle < LINGER_S:
            time.sleep(PERIOD_S)
            idle = 0.0 if self.users else idle + PERIOD_S
            self.tell()
        with _LOCK:
            if not self.users and _TELLERS.get((self._source, self._run, self._progress)) is self:
                del _TELLERS[self._source, self._run, self._progress]
        self.tell()
        self._store.close()

    def tell(self) -> None:
        """Writes the row, if there is something new to say."""
        with self._one_at_a_time:
            self._tell(self._store.engine)

    def _tell(self, engine: sa.Engine) -> None:
        counts = self._progress.values()
        now = time.time()
        if counts == self._told and now - self._told_at < STILL_HERE_S:
            return
        row = {
            "run": self._run, "worker": _WORKER, "updated_at": now, "counts": counts,
        }  # fmt: skip
        try:
            with engine.begin() as connection:
                if not self._told_at:
                    JOB_WORKER.create(connection, checkfirst=True)
                    old = JOB_WORKER.c.run < self._run - KEPT_RUNS_MS
                    connection.execute(JOB_WORKER.delete().where(old))
                connection.execute(upsert(JOB_WORKER, engine.dialect.name), row)
        except (sa.exc.SQLAlchemyError, OSError) as error:
            if not self._complained:
                self._complained = True
                _LOG.warning("%s does not take the job's pulse: %s", self._source.name, error)
        else:
            self._told, self._told_at, self._complained = counts, now, False


_WORKER = uuid.uuid4().hex
_TELLERS: dict[tuple[SqlSource, int, ProgressCounters], _MetricsReporter] = {}
_LOCK = threading.Lock()


@atexit.register
def _tell_the_last() -> None:
    for teller in list(_TELLERS.values()):
        teller.tell()
