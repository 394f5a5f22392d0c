"""What every reader of a store can be asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from rivulet import urls
from serving.schemas.responses import (
    Event,
    EventMinutes,
    PolicyMinutes,
    PopularWindow,
    Recommendation,
    StoreState,
)


class StoreURLError(ValueError):
    """A store's URL cannot be used; the text is for the person who gave it."""


@dataclass(frozen=True, slots=True)
class Worker:
    """A worker process of a job.

    Attributes:
        run: when the job was started, milliseconds since the epoch.
        updated_at: when the worker last wrote, seconds since the epoch.
        counts: what it has done, by the names of `transforms.progress`.
    """

    run: int
    updated_at: float
    counts: dict[str, int]


class Reader(Protocol):
    """A store, read only. What a kind of store does not keep comes back empty.

    Attributes:
        name: the store's URL without user, password and options.
    """

    name: str

    async def state(self) -> StoreState:
        """Whether it is there and has rows; raises if it does not answer."""
        ...

    async def popular(self, window_end: int | None, windows: int) -> list[PopularWindow]:
        """Up to `windows` windows that end at or before `window_end` (None: the latest).

        The newest comes first; items are in the order of their ranks.
        """
        ...

    async def recommendations(self, user: int, limit: int, offset: int) -> list[Recommendation]:
        """A user's recommendations, newest first."""
        ...

    async def history(self, user: int, limit: int, offset: int) -> list[Event]:
        """A user's events, newest first."""
        ...

    async def events_between(self, user: int, start: int, end: int, limit: int) -> list[Event]:
        """A user's events with a time in [start, end), oldest first."""
        ...

    async def users(self, limit: int) -> list[int]:
        """Some users with a recommendation, the latest first where the store can tell."""
        ...

    async def policy_minutes(self, minutes: int) -> list[PolicyMinutes]:
        """How each policy did over the last `minutes` minutes of event time."""
        ...

    async def event_minutes(self, minutes: int) -> EventMinutes | None:
        """How many events the last `minutes` minutes of event time had; None for none."""
        ...

    async def workers(self) -> list[Worker]:
        """The worker processes of the latest run."""
        ...

    async def close(self) -> None:
        """Gives the connections back."""
        ...


def public_name(url: str) -> str:
    """The URL without user, password and options: fit for answers and logs."""
    return urls.public_name(url, show_user=False)
