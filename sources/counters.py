"""What a source counts: lines, events, malformed and ignored lines, events from the future."""

from __future__ import annotations

from sources.parsing.malformed import CODES, MalformedRows
from transforms.messages.dead_letters import FUTURE
from transforms.messages.events import EventBatch
from transforms.progress import ProgressCounters


class ReadCounters:
    """Beam's counters in the namespace `rivulet`, and the job's progress counters.

    Every line is counted in `lines` and in one of `events`, `malformed` and `ignored` (left out
    by a schema). `future` counts
    those of the malformed ones that are events from the future.

    Args:
        progress: the job's counters.
    """

    def __init__(self, progress: ProgressCounters) -> None:
        self._progress = progress
        self._lines = progress.metric("lines")
        self._events = progress.metric("events")
        self._malformed = progress.metric("malformed")
        self._future = progress.metric("future")
        self._ignored = progress.metric("ignored")

    def record(self, events: EventBatch, malformed: MalformedRows, ignored: int = 0) -> None:
        """Counts a batch of lines.

        Args:
            events: the events.
            malformed: the malformed lines.
            ignored: how many lines a schema leaves out.
        """
        self._lines.inc(len(events) + len(malformed) + ignored)
        if ignored:
            self._ignored.inc(ignored)
        self._events.inc(len(events))
        self._malformed.inc(len(malformed))
        future = int((malformed.code == CODES[FUTURE]).sum())
        if future:
            self._future.inc(future)
            self._progress.add("future", future)
        self._progress.record_read(events.time, len(malformed))
