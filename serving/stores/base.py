"""The interface of a store's reader."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from rivulet.prefixes import store_name
from serving.schemas import Id
from serving.schemas.health import StoreState
from serving.schemas.job import EventMinutes, PolicyMinutes
from serving.schemas.popular import PopularWindow
from serving.schemas.users import Event, Recommendation
from transforms.messages.job import JobSettings

Horizon = Callable[[], int]
"""Gives the largest time that is shown now, seconds since the epoch."""


class StoreURLError(ValueError):
    """A store's URL cannot be used; the message is one line without secrets."""


@dataclass(frozen=True, slots=True)
class Worker:
    """A worker process of a job.

    Attributes:
        run: start of the job's run, milliseconds since the epoch.
        updated_at: when the worker last reported, seconds since the epoch.
        counts: its counters, by the names of `transforms.progress`.
    """

    run: int
    updated_at: float
    counts: dict[str, int]


class Reader(Protocol):
    """A read-only view of a store.

    Outputs that a kind of store does not keep are empty. Rows with a time after the horizon are
    left out, so that one event with a wrong time in the future does not hide the present. Rows
    that are not of the form that a job writes are left out and logged.

    Attributes:
        name: the store's URL without user, password and options but the prefix.
    """

    name: str

    async def state(self) -> StoreState:
        """Whether the store exists and has rows; raises if it does not answer."""
        ...

    async def popular(self, window_end: int | None, windows: int) -> list[PopularWindow]:
        """Up to `windows` windows that end at or before `window_end` (None: the latest).

        The newest is first; items are in the order of their ranks.
        """
        ...

    async def recommendations(self, user: Id, limit: int, offset: int) -> list[Recommendation]:
        """A user's recommendations, newest first."""
        ...

    async def history(self, user: Id, limit: int, offset: int) -> list[Event]:
        """A user's events, newest first."""
        ...

    async def events_between(self, user: Id, start: int, end: int, limit: int) -> list[Event]:
        """A user's events with a time in [start, end), oldest first."""
        ...

    async def purchases(self, user: Id, start: int, end: int, limit: int) -> list[Event]:
        """A user's purchases with a time in [start, end), newest first."""
        ...

    async def users(self, limit: int) -> list[Id]:
        """Some users with a recommendation, the latest first where the store has their order."""
        ...

    async def policy_minutes(self, minutes: int) -> list[PolicyMinutes]:
        """The results of each policy in the last `minutes` minutes of event time."""
        ...

    async def event_minutes(self, minutes: int) -> EventMinutes | None:
        """The events of the last `minutes` minutes of event time; None if there are none."""
        ...

    async def workers(self) -> list[Worker]:
        """The worker processes of the latest run."""
        ...

    async def job_settings(self) -> JobSettings | None:
        """The settings of the latest run; None if the store has none."""
        ...

    async def close(self) -> None:
        """Closes the connections."""
        ...


def horizon_of(max_future: int, clock: Callable[[], float] = time.time) -> Horizon:
    """The horizon `max_future` seconds ahead of the clock."""
    return lambda: int(clock()) + max_future


def public_name(url: str) -> str:
    """The URL without user, password and options but the prefix, for answers and logs."""
    return store_name(url, show_user=False)
