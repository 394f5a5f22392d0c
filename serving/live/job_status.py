"""The page's numbers: looked up once a second for all pages together, sent when they change."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from serving.dead_letters import last_dead_letters
from serving.http.replies import encode
from serving.live.sse import Broadcaster
from serving.metrics import Metrics
from serving.queries import Queries
from serving.schemas.responses import Job
from serving.stores.group import StoresDownError

_LOG = logging.getLogger("rivulet.serving")
WINDOWS = 30
"""Windows of popular items that the page draws."""
MINUTES = 720
"""Minutes of event time that the page draws."""
LETTERS = 100
LETTERS_OF_A_REASON = 8
_SAMPLES = 600
_RATE_LOOKS = 5
"""Over so many of the job's reports, a second apart, its rate is told."""
_SILENT_SECONDS = 15
_LIVE_CLOCK_SECONDS = 86_400
"""An event time this far from the clock is not live: no lag can be told."""


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """How the job did at a moment.

    Attributes:
        at: the clock, seconds since the epoch: when a worker last wrote, or now where none has
            for a while.
        rate: events a second over the last reports; None of the first.
        behind: seconds of event time by which what is done is behind the newest event read.
        lag: seconds by which the watermark is behind the clock; None where event time is far
            from the clock, as in a replay of old events.
        running: whether a worker wrote lately.
    """

    at: float
    rate: float | None
    behind: int | None
    lag: float | None
    running: bool


def heartbeat_of(job: Job, now: float, before: Job | None) -> Heartbeat:
    """What the job's counts say.

    Args:
        job: its counts.
        now: the clock.
        before: the counts before, if they are of the same run.
    """
    running = now - job.updated_at < _SILENT_SECONDS
    rate = None
    if not running:
        rate = 0.0
    elif before and job.updated_at > before.updated_at:
        rate = max(0, job.read - before.read) / (job.updated_at - before.updated_at)
    behind = None
    if job.read_to is not None and job.closed_to is not None:
        behind = max(0, job.read_to - job.closed_to)
    lag = None
    if running and job.closed_to is not None and abs(now - job.closed_to) < _LIVE_CLOCK_SECONDS:
        lag = now - job.closed_to
    return Heartbeat(job.updated_at if running else now, rate, behind, lag, running)


class Live:
    """Looks at the stores at an interval and publishes what changed.

    Args:
        queries: what to ask.
        hub: where to publish.
        metrics: is told of the stores and the job.
        dead_letters: the job's file.
        interval: seconds between two looks.
    """

    def __init__(
        self,
        queries: Queries,
        hub: Broadcaster,
        metrics: Metrics,
        dead_letters: Path,
        interval: float,
    ) -> None:
        self._queries = queries
        self._hub = hub
        self._metrics = metrics
        self._dead_letters = dead_letters
        self._interval = interval
        self._pulses: deque[Heartbeat] = deque(maxlen=_SAMPLES)
        self._jobs: deque[Job] = deque(maxlen=_RATE_LOOKS)

    async def run(self) -> None:
        """Goes on until it is cancelled."""
        while True:
            begun = time.monotonic()
            try:
                await self.look()
            except Exception:  # a page without numbers is better than none
                _LOG.exception("the page's numbers could not be read")
            await asyncio.sleep(max(0.05, self._interval - (time.monotonic() - begun)))

    async def look(self) -> None:
        """Looks once."""
        health = await self._queries.stores.health()
        self._metrics.saw_stores(health)
        self._hub.publish("health", encode(health))
        queries = self._queries
        await asyncio.gather(
            self._publish("popular", queries.popular(None)),
            self._publish("windows", queries.popular_windows(WINDOWS)),
            self._publish("policies", queries.policies(MINUTES)),
            self._publish("activity", queries.activity(MINUTES)),
            self._publish("job", self._job()),
        )
        letters = await asyncio.to_thread(
            last_dead_letters, self._dead_letters, LETTERS, each=LETTERS_OF_A_REASON
        )
        self._hub.publish("dead_letters", encode({"data": letters}))

    async def _publish(self, topic: str, answer: Awaitable[Any]) -> None:
        try:
            self._hub.publish(topic, encode({"data": await answer}))
        except StoresDownError as error:
            self._hub.publish(topic, encode({"problem": str(error)}))

    async def _job(self) -> Job | None:
        job = await self._queries.job()
        if job:
            self._metrics.saw_job(job)
            if self._jobs and self._jobs[-1].started_at != job.started_at:
                self._jobs.clear()
            now = time.time()
            silent = now - job.updated_at >= _SILENT_SECONDS
            if silent or not self._jobs or job.updated_at > self._jobs[-1].updated_at:
                pulse = heartbeat_of(job, now, self._jobs[0] if self._jobs else None)
                self._jobs.append(job)
                self._pulses.append(pulse)
                self._hub.pass_on("pulse", encode(pulse))
                self._hub.keep("pulses", encode(list(self._pulses)))
        return job
