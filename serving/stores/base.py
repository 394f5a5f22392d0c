"""What every reader of a store can be asked."""

from __future__ import annotations

import re
from typing import Protocol

from serving.answers import Event, PolicyMinutes, PopularWindow, Recommendation, StoreState


class StoreURLError(ValueError):
    """A store's URL cannot be used; the text is for the person who gave it."""


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
        """Users with a recent recommendation, the latest first."""
        ...

    async def policy_minutes(self, minutes: int) -> list[PolicyMinutes]:
        """How each policy did over the last `minutes` minutes of event time."""
        ...

    async def job(self) -> dict[str, object]:
        """What the job says of itself."""
        ...

    async def close(self) -> None:
        """Gives the connections back."""
        ...


def public_name(url: str) -> str:
    """The URL without user, password and options: fit for answers and logs."""
    return re.sub(r"//[^/]*@", "//", url.split("?", 1)[0])
