"""Who is served goes first: while recommendations are made and written, other writes wait a little.

At a T all users are due at once, and what serves them shares its processors with what keeps every
event. Only when things are written depends on this, never what.

Who shares processors are a host's worker processes: they tell each other by a file of eight bytes
in the folder for temporary files. Where there can be none, a process looks after itself alone.
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

CALM = 1.0
"""Seconds without anything urgent after which the others go on."""
LONGEST = 3.0
"""Seconds that the others wait at the most."""
REST = 7.0
"""Seconds after a wait in which the others do not wait again: they too have to keep up."""


class WritePriority(Enum):
    """What writes to a store do about the right of way."""

    NEITHER = auto()
    TAKES = auto()
    GIVES = auto()


class UrgentWrites:
    """What is urgent takes it; what is not gives it.

    Args:
        moment: eight bytes for when it was taken last; who has the same ones is of one company.
        now: a clock, in seconds, the same one for all.
        sleep: waits that many seconds.
    """

    def __init__(
        self,
        moment: bytearray | mmap,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._moment, self._now, self._sleep = moment, now, sleep
        self._lock = threading.Lock()
        self._wait_ends = float("-inf")
        self._passed: dict[str, int] = {}

    def take_at(self, job: str, moment: int) -> None:
        """Says that a job has something urgent to do at a moment; once for all its threads."""
        with self._lock:
            if moment <= self._passed.get(job, -1):
                return
            self._passed[job] = moment
        self.take()

    def take(self) -> None:
        """Says that something urgent is under way."""
        _MOMENT.pack_into(self._moment, 0, self._now())

    def give(self) -> None:
        """Waits until nothing urgent is under way, within limits."""
        with self._lock:
            now = self._now()
            if self._is_taken(now) and now >= self._wait_ends + REST:
                self._wait_ends = now + LONGEST
        while self._is_taken(now) and now < self._wait_ends:
            self._sleep(min(CALM / 3, self._wait_ends - now))
            now = self._now()

    def _is_taken(self, now: float) -> bool:
        (taken,) = _MOMENT.unpack_from(self._moment)
        # What a file has from before the machine's last start may lie in this clock's future.
        return bool(abs(now - taken) < CALM)


_MOMENT = struct.Struct("d")


@cache
def of_this_host() -> UrgentWrites:
    """The one that this user's processes share."""
    folder = Path(tempfile.gettempdir())
    try:
        # Another user may have put a link there: it is not followed.
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW
        descriptor = os.open(folder / f"rivulet-right-of-way-{os.getuid()}", flags, 0o600)
        try:
            if os.fstat(descriptor).st_uid != os.getuid():
                return UrgentWrites(bytearray(_MOMENT.size))
            os.ftruncate(descriptor, _MOMENT.size)
            return UrgentWrites(mmap(descriptor, _MOMENT.size))
        finally:
            os.close(descriptor)
    except OSError:
        return UrgentWrites(bytearray(_MOMENT.size))


def take(element: T) -> T:
    """Takes the right of way for what follows from an element, which it gives back."""
    of_this_host().take()
    return element


@beam.typehints.with_input_types(EventBatch)
@beam.typehints.with_output_types(EventBatch)
class AnnounceDeadline(beam.DoFn):
    """Takes the right of way when events let the watermark pass a T; gives the events back.

    Args:
        period: seconds between two T's.
        behind: seconds that the watermark stays behind the newest event.
    """

    def __init__(self, period: int, behind: int) -> None:
        self._period, self._behind = period, behind
        self._job = uuid.uuid4().hex

    def process(self, events: EventBatch) -> Iterator[EventBatch]:
        """Looks at the newest event, and passes all on."""
        if len(events):
            passed = (int(events.time.max()) - self._behind) // self._period
            of_this_host().take_at(self._job, passed)
        yield events
