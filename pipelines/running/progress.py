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

from transforms.progress import SHARED_PROGRESS, ProgressCounters

PERIOD_S = 0.5
PLAIN_PERIOD_S = 5.0


class Progress:
    """Shows events, events a second and the moment of event time, while the job runs.

    On a terminal one line that changes; elsewhere a line every few seconds. A context manager.

    Args:
        seen: what has been done so far, by the names of `transforms.progress`; that of this process
            by default.
        period: seconds from one look to the next, on a terminal.
        progress: the job's counters.
    """

    def __init__(
        self,
        seen: Callable[[], dict[str, int]] | None = None,
        period: float = PERIOD_S,
        progress: ProgressCounters = SHARED_PROGRESS,
    ) -> None:
        self._progress = progress
        self._seen, self._period = seen or progress.values, period
        self._console = Console(stderr=True)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._show, daemon=True)
        self._started = time.monotonic()

    def __enter__(self) -> Self:
        self._progress.reset()
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
        """What has been done so far, in words."""
        seen = self._seen()
        seconds = max(time.monotonic() - self._started, 0.001)
        closed = seen.get("closed", 0)
        # Of files all is read before anything is closed; Flink tells of what is closed alone.
        events = max(seen.get("read", 0), closed)
        parts = [f"{seconds:.0f} s", f"{events:,} events ({events / seconds:,.0f}/s)"]
        if shown := seen.get("recommendations"):
            parts.append(f"{shown:,} recommendations")
        for name, words in (("event_time", "event time"), ("watermark", "watermark")):
            if name in seen:
                moment = datetime.fromtimestamp(seen[name], UTC)
                parts.append(f"{words} {moment:%Y-%m-%d %H:%M:%S}")
        parts += [
            f"{name} does not answer, {tries} {'try' if tries == 1 else 'tries'} so far"
            for name, tries in self._progress.unavailable_stores().items()
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
