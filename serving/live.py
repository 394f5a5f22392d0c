"""The page's numbers: looked up once a second for all pages together, sent when they change."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from serving.answers import Job
from serving.dead_letters import last_dead_letters
from serving.hub import Hub
from serving.metrics import Metrics
from serving.queries import Queries
from serving.replies import encode
from serving.stores.group import StoresDownError

_LOG = logging.getLogger("rivulet.serving")
WINDOWS = 30
"""Windows of popular items that the page draws."""
MINUTES = 720
"""Minutes of event time that the page draws."""
LETTERS = 30
_SAMPLES = 600
_SILENT_SECONDS = 15
_LIVE_CLOCK_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class Pulse:
    """How the job does at a moment.

    Attributes:
        at: the clock, seconds since the epoch.
        events: events so far.
        rate: events a second.
        lag: seconds by which the watermark is behind.
        running: whether the job wrote lately; None where it does not say when.
    """

    at: float
    events: int | None
    rate: float | None
    lag: float | None
    running: bool | None


def _number(values: dict[str, Any], name: str) -> float | None:
    value = values.get(name)
    return float(value) if isinstance(value, int | float) else None


def pulse_of(values: dict[str, Any], now: float, before: Pulse | None) -> Pulse:
    """What the job's values say at `now`.

    The lag is the job's own `watermark_lag`, or the clock less the watermark where event time
    is about the clock's; of a replay from long ago no lag can be told.

    Args:
        values: the job's table.
        now: the clock.
        before: the pulse before, for the rate where the job gives none.
    """
    events = _number(values, "events")
    updated = _number(values, "updated_at")
    running = None if updated is None else now - updated < _SILENT_SECONDS
    rate = _number(values, "events_per_second")
    if running is False:
        rate = 0.0
    elif rate is None and events is not None and before and before.events is not None:
        seconds = now - before.at
        rate = max(0.0, events - before.events) / seconds if seconds > 0 else None
    lag = _number(values, "watermark_lag")
    watermark = _number(values, "watermark")
    if lag is None and watermark is not None and running is not False:
        behind = now - watermark
        lag = behind if abs(behind) < _LIVE_CLOCK_SECONDS else None
    return Pulse(now, None if events is None else int(events), rate, lag, running)


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
        self, queries: Queries, hub: Hub, metrics: Metrics, dead_letters: Path, interval: float
    ) -> None:
        self._queries = queries
        self._hub = hub
        self._metrics = metrics
        self._dead_letters = dead_letters
        self._interval = interval
        self._pulses: deque[Pulse] = deque(maxlen=_SAMPLES)

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
            self._publish("job", self._job()),
        )
        letters = await asyncio.to_thread(last_dead_letters, self._dead_letters, LETTERS)
        self._hub.publish("dead_letters", encode({"data": letters}))

    async def _publish(self, topic: str, answer: Awaitable[Any]) -> None:
        try:
            self._hub.publish(topic, encode({"data": await answer}))
        except StoresDownError as error:
            self._hub.publish(topic, encode({"problem": str(error)}))

    async def _job(self) -> Job | None:
        job = await self._queries.job()
        if job:
            self._metrics.saw_job(job.values)
            before = self._pulses[-1] if self._pulses else None
            pulse = pulse_of(job.values, time.time(), before)
            self._pulses.append(pulse)
            self._hub.pass_on("pulse", encode(pulse))
            self._hub.keep("pulses", encode([asdict(pulse) for pulse in self._pulses]))
        return job
