"""Progress counters: what the workers of a job in this process have done so far.

They feed the progress line and the web page while a job runs. Beam's metrics are exact, but a
runner reports them only at the end of a bundle or of the job.

| name | value |
|---|---|
| `read`, `malformed` | events, and lines that are not events, that the source has read |
| `read_to` | largest event time that the source has read |
| `closed`, `duplicates` | events in closed panes, and repeated events that were dropped |
| `late` | events that arrived after their pane was closed, or that the source found late |
| `late_alarms` | minutes in which the share of late events exceeded the limit |
| `closed_to` | end of the last closed pane; the watermark has passed it |
| `recommendations` | recommendations made |
| `event_time` | largest time of a recommendation |

Times are in seconds since the epoch. Besides these values the counters name the stores that do
not answer at the moment.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass
class _Counters:
    """One job's counters in this process."""

    values: dict[str, int] = field(default_factory=dict)
    retries: dict[str, int] = field(default_factory=dict)
    measured: tuple[float, int, int] | None = None
    """When `late_share` measured last (seconds), and the events and late events until then."""


_LOCK = threading.Lock()
_JOBS: dict[str, _Counters] = {}


@dataclass(frozen=True)
class ProgressCounters:
    """A handle to the counters that this process keeps for one job.

    The handle holds the job's name alone. It can be pickled: in a worker process it finds that
    process's counters of the same job. Jobs that run in one process do not share counters unless
    they have the same name. All methods may be called from any thread.

    Attributes:
        job: name of the job.
        prefix: stands before the name of every counter that is added to or raised.
    """

    job: str = "default"
    prefix: str = ""

    def prefixed(self, prefix: str) -> ProgressCounters:
        """The same job's counters, with a prefix before the names of those that are changed."""
        return replace(self, prefix=prefix)

    def metric(self, name: str) -> Any:
        """Beam's counter of this name, with the prefix, in the namespace `rivulet`."""
        # Processes that only read the counters do not pay for Beam.
        from apache_beam.metrics import Metrics

        return Metrics.counter("rivulet", self.prefix + name)

    def add(self, name: str, amount: int) -> None:
        """Adds `amount` to the counter `name`."""
        with _LOCK:
            values = self._counters().values
            name = self.prefix + name
            values[name] = values.get(name, 0) + amount

    def reach(self, name: str, value: int) -> None:
        """Raises the value `name` to `value`; a smaller value changes nothing."""
        with _LOCK:
            values = self._counters().values
            name = self.prefix + name
            values[name] = max(values.get(name, value), value)

    def record_read(self, times: npt.NDArray[np.int64], malformed: int) -> None:
        """Counts what a source has read.

        Args:
            times: int64 [n], the events' times in seconds since the epoch.
            malformed: how many lines or values were not events.
        """
        self.add("read", len(times))
        self.add("malformed", malformed)
        if len(times):
            self.reach("read_to", int(times.max()))

    def late_share(self, now: float | None = None, period: float = 60.0) -> float | None:
        """Measures the share of late events, once in each period.

        Args:
            now: seconds of a monotonic clock, for tests.
            period: seconds between two measurements.

        Returns:
            Late events divided by all events of this process since the measurement before; None
            if the period is not over or there were no events. Of several callers in a process, one
            gets the measurement.
        """
        now = time.monotonic() if now is None else now
        with _LOCK:
            counters = self._counters()
            late = counters.values.get("late", 0)
            # Files and streams read events and close panes at different times, or processes.
            closed = counters.values.get("closed", 0) + late
            events = max(counters.values.get("read", 0), closed)
            before = counters.measured
            if before is not None and now - before[0] < period:
                return None
            counters.measured = now, events, late
        if before is None or events <= before[1]:
            return None
        return (late - before[2]) / (events - before[1])

    def record_retries(self, store: str, attempts: int) -> None:
        """Notes that a store did not answer.

        Args:
            store: its URL without secrets.
            attempts: failed attempts in a row; 0 once the store answers.
        """
        with _LOCK:
            retries = self._counters().retries
            if attempts:
                retries[store] = attempts
            else:
                retries.pop(store, None)

    def unavailable_stores(self) -> dict[str, int]:
        """The stores that do not answer at the moment, with their failed attempts so far."""
        with _LOCK:
            return dict(self._counters().retries)

    def values(self) -> dict[str, int]:
        """A copy of all counters and values, by name."""
        with _LOCK:
            return dict(self._counters().values)

    def reset(self) -> None:
        """Forgets everything that was counted for this job in this process."""
        with _LOCK:
            _JOBS.pop(self.job, None)

    def _counters(self) -> _Counters:
        return _JOBS.setdefault(self.job, _Counters())


SHARED_PROGRESS = ProgressCounters()
"""The counters of transforms that are used without a job of their own, as in tests."""
