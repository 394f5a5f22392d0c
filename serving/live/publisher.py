"""Publishes the page's live figures: read once for all pages, sent when they change."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from serving.dead_letters import last_dead_letters
from serving.decisions import last_decisions
from serving.http.replies import encode
from serving.live.heartbeat import Heartbeat, heartbeat_of, is_silent
from serving.live.sse import Broadcaster
from serving.metrics import Metrics
from serving.queries import Queries
from serving.schemas.job import Job
from serving.stores.group import StoresDownError
from serving.workers import WorkerThreads

_LOG = logging.getLogger("rivulet.serving")
WINDOWS = 30
"""Windows of popular items that the page shows."""
MINUTES = 720
"""Minutes of event time that the page shows."""
DEAD_LETTERS = 100
DECISIONS = 20
DEAD_LETTERS_PER_REASON = 8
_HEARTBEATS = 600
_RATE_REPORTS = 5
"""Reports of the job, a second apart, over which its rate is computed."""
_MIN_PAUSE = 0.05
_ALARM_SECONDS = 120
"""How long an alarm of late events is shown; the job measures once a minute."""


class LivePublisher:
    """Reads the stores at an interval and publishes what has changed.

    Args:
        queries: queries to the stores.
        broadcaster: where to publish.
        metrics: receives the state of the stores and of the job.
        threads: where the file of dead letters is read.
        dead_letters: the job's file of dead letters.
        interval: seconds between two reads.
        decisions: finds the file of the loop's decisions; None where there is none.
    """

    def __init__(
        self,
        queries: Queries,
        broadcaster: Broadcaster,
        metrics: Metrics,
        threads: WorkerThreads,
        dead_letters: Path,
        interval: float,
        decisions: Callable[[], Path | None] = lambda: None,
    ) -> None:
        self._queries = queries
        self._broadcaster = broadcaster
        self._metrics = metrics
        self._threads = threads
        self._dead_letters = dead_letters
        self._interval = interval
        self._decisions = decisions
        self._heartbeats: deque[Heartbeat] = deque(maxlen=_HEARTBEATS)
        self._jobs: deque[Job] = deque(maxlen=_RATE_REPORTS)
        self._alarm_until = 0.0

    async def run(self) -> None:
        """Publishes until it is cancelled."""
        while True:
            start = time.monotonic()
            try:
                await self.publish_once()
            except Exception:  # without figures the page and the API still work
                _LOG.exception("the page's figures could not be read")
            await asyncio.sleep(max(_MIN_PAUSE, self._interval - (time.monotonic() - start)))

    async def publish_once(self) -> None:
        """Reads everything once."""
        health = await self._queries.stores.health()
        self._metrics.set_stores(health)
        self._broadcaster.publish("health", encode(health))
        queries = self._queries
        await asyncio.gather(
            self._publish("popular", queries.popular(None)),
            self._publish("windows", queries.popular_windows(WINDOWS)),
            self._publish("policies", queries.policies(MINUTES)),
            self._publish("activity", queries.activity(MINUTES)),
            self._publish("job", self._job()),
        )
        dead_letters = await self._threads.run(
            lambda: last_dead_letters(
                self._dead_letters, DEAD_LETTERS, per_reason=DEAD_LETTERS_PER_REASON
            )
        )
        self._broadcaster.publish("dead_letters", encode({"data": dead_letters}))
        decisions = await self._threads.run(lambda: last_decisions(self._decisions(), DECISIONS))
        self._broadcaster.publish("decisions", encode({"data": decisions}))

    async def _publish(self, topic: str, answer: Awaitable[Any]) -> None:
        try:
            self._broadcaster.publish(topic, encode({"data": await answer}))
        except StoresDownError as error:
            self._broadcaster.publish(topic, encode({"problem": str(error)}))

    async def _job(self) -> Job | None:
        job = await self._queries.job()
        if job is None:
            return None
        self._metrics.set_job(job)
        if self._jobs and self._jobs[-1].started_at != job.started_at:
            self._jobs.clear()
        now = time.time()
        if self._jobs and job.late_alarms > self._jobs[-1].late_alarms:
            self._alarm_until = now + _ALARM_SECONDS
        if is_silent(job, now) or not self._jobs or job.updated_at > self._jobs[-1].updated_at:
            previous = self._jobs[0] if self._jobs else None
            heartbeat = heartbeat_of(job, now, previous, now < self._alarm_until)
            self._jobs.append(job)
            self._heartbeats.append(heartbeat)
            self._broadcaster.send("heartbeat", encode(heartbeat))
            self._broadcaster.keep("heartbeats", encode(list(self._heartbeats)))
        return job
