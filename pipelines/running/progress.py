"""The progress line."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.status import Status

from transforms.progress import ProgressCounters

PERIOD_S = 0.5
PLAIN_PERIOD_S = 5.0


class Progress:
    """Shows events, events a second and event time while the job runs.

    On a terminal one line that changes; elsewhere a line every few seconds. A context manager.

    Args:
        counters: the job's counters in this process.
        read: reads the counts, by the names of `transforms.progress`; those of `counters` by
            default.
        period: seconds between two readings, on a terminal.
    """

    def __init__(
        self,
        counters: ProgressCounters,
        read: Callable[[], dict[str, int]] | None = None,
        period: float = PERIOD_S,
    ) -> None:
        self._counters = counters
        self._read, self._period = read or counters.values, period
        self._console = Console(stderr=True)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._show, daemon=True)
        self._started = time.monotonic()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()

    def say(self, text: str) -> None:
        """Prints a line above the progress."""
        self._console.print(text, soft_wrap=True, markup=False, highlight=False)

    def line(self) -> str:
        """What has been done so far."""
        counts = self._read()
        seconds = max(time.monotonic() - self._started, 0.001)
        closed = counts.get("closed", 0)
        # Files are read before any pane is closed; Flink shows the events of closed panes alone.
        events = max(counts.get("read", 0), closed)
        parts = [f"{seconds:.0f} s", f"{events:,} events ({events / seconds:,.0f}/s)"]
        if shown := counts.get("recommendations"):
            parts.append(f"{shown:,} recommendations")
        for name, words in (("event_time", "event time"), ("watermark", "watermark")):
            if name in counts:
                parts.append(f"{words} {_moment(counts[name])}")
        parts += [
            f"{name} does not answer, {tries} {'try' if tries == 1 else 'tries'} so far"
            for name, tries in self._counters.unavailable_stores().items()
        ]
        return " · ".join(parts)

    def _show(self) -> None:
        if not sys.stderr.isatty():
            while not self._ended.wait(PLAIN_PERIOD_S):
                print(self.line(), file=sys.stderr, flush=True)
            return
        with Status("starting", console=self._console) as status:
            while not self._ended.wait(self._period):
                status.update(self.line())


def _moment(seconds: int) -> str:
    """A time in seconds since the epoch as text; also one that no calendar holds."""
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}"
    except (ValueError, OverflowError, OSError):
        return "after the year 9999" if seconds > 0 else "before the year 1"
