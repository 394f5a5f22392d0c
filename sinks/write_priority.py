"""Urgent writes first: while recommendations are made and written, other writes wait.

At a ranking time all users are due at once. Their recommendations and the records of events are
written by the same processors. `WritePriority` decides when rows are written, never which.

The worker processes of a host agree on what is urgent through a file of eight bytes in the folder
for temporary files. Where the file cannot be used, a process considers its own writes alone.
"""

from __future__ import annotations

import os
import struct
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from enum import Enum, auto
from functools import cache
from mmap import mmap
from pathlib import Path
from typing import TypeVar

import apache_beam as beam

from transforms.messages.events import EventBatch

T = TypeVar("T")

URGENT_SECONDS = 1.0
"""Seconds for which one announcement of something urgent holds."""
LONGEST_YIELD = 3.0
"""Seconds that a write waits for urgent ones, at the most."""
YIELD_INTERVAL = 7.0
"""Seconds after a wait in which writes do not wait again, so that they keep up too."""


class WritePriority(Enum):
    """How the writes to a store relate to other writes on the same host.

    Attributes:
        NONE: they neither wait nor make others wait.
        URGENT: writes that yield wait for them.
        YIELDING: they wait for urgent work.
    """

    NONE = auto()
    URGENT = auto()
    YIELDING = auto()


class UrgentWrites:
    """Urgent work announces itself; other writes yield to it.

    Args:
        announced: eight bytes for the time of the last announcement. Processes that share these
            bytes coordinate.
        now: a clock, in seconds, the same one for all of these processes.
        sleep: waits for a number of seconds.
    """

    def __init__(
        self,
        announced: bytearray | mmap,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._announced, self._now, self._sleep = announced, now, sleep
        self._lock = threading.Lock()
        self._yield_ends = float("-inf")
        self._latest: dict[str, int] = {}

    def begin_urgent_at(self, job: str, deadline: int) -> None:
        """Announces the urgent work of a deadline, once for all threads of a job.

        Args:
            job: name of the job.
            deadline: number of the deadline; smaller ones than the job's latest are ignored.
        """
        with self._lock:
            if deadline <= self._latest.get(job, -1):
                return
            self._latest[job] = deadline
        self.begin_urgent()

    def begin_urgent(self) -> None:
        """Announces that urgent work is under way for the next URGENT_SECONDS."""
        _SECONDS.pack_into(self._announced, 0, self._now())

    def yield_to_urgent(self) -> None:
        """Waits until no urgent work is under way, for LONGEST_YIELD at the most."""
        with self._lock:
            now = self._now()
            if self._is_urgent(now) and now >= self._yield_ends + YIELD_INTERVAL:
                self._yield_ends = now + LONGEST_YIELD
        while self._is_urgent(now) and now < self._yield_ends:
            self._sleep(min(URGENT_SECONDS / 3, self._yield_ends - now))
            now = self._now()

    def _is_urgent(self, now: float) -> bool:
        (announced,) = _SECONDS.unpack_from(self._announced)
        # The monotonic clock restarts with the machine: an old file may hold a later time.
        return bool(abs(now - announced) < URGENT_SECONDS)


_SECONDS = struct.Struct("d")


@cache
def host_urgent_writes() -> UrgentWrites:
    """The instance that the processes of this user share on this host."""
    path = Path(tempfile.gettempdir()) / f"rivulet-urgent-writes-{os.getuid()}"
    try:
        # Another user may have put a link there: it is not followed.
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            if os.fstat(descriptor).st_uid != os.getuid():
                return UrgentWrites(bytearray(_SECONDS.size))
            os.ftruncate(descriptor, _SECONDS.size)
            return UrgentWrites(mmap(descriptor, _SECONDS.size))
        finally:
            os.close(descriptor)
    except OSError:
        return UrgentWrites(bytearray(_SECONDS.size))


def begin_urgent(element: T) -> T:
    """Announces the urgent work that follows from an element, and returns the element."""
    host_urgent_writes().begin_urgent()
    return element


@beam.typehints.with_input_types(EventBatch)
@beam.typehints.with_output_types(EventBatch)
class AnnounceDeadline(beam.DoFn):
    """Announces urgent work when events let the watermark pass a ranking time.

    The events are passed on.

    Args:
        period: seconds between two ranking times.
        watermark_lag: seconds by which the watermark is lower than the largest event time.
    """

    def __init__(self, period: int, watermark_lag: int) -> None:
        self._period, self._lag = period, watermark_lag
        self._job = uuid.uuid4().hex

    def process(self, events: EventBatch) -> Iterator[EventBatch]:
        """Looks at the largest event time."""
        if len(events):
            deadline = (int(events.time.max()) - self._lag) // self._period
            host_urgent_writes().begin_urgent_at(self._job, deadline)
        yield events
