"""Popular items that may be shown, of the latest window and of earlier ones."""

from __future__ import annotations

import time
from dataclasses import dataclass

from serving.queries import Queries
from serving.schemas import Id
from serving.schemas.popular import PopularWindow

WINDOWS = 60
"""Windows whose items complete a list that has to be full: 80 minutes by default."""
_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Shelf:
    """Popular items.

    Attributes:
        items: best first: those of the latest window, then those of earlier ones.
        window_end: of the latest window, seconds since the epoch; 0 without one.
        store: the store that has them; None without a window.
    """

    items: list[Id]
    window_end: int
    store: str | None


class PopularShelf:
    """Reads popular items, once a second for all requests.

    Args:
        queries: queries to the stores.
    """

    def __init__(self, queries: Queries) -> None:
        self._queries = queries
        self._windows: list[PopularWindow] = []
        self._store: str | None = None
        self._until = 0.0

    async def read(self, category: str | None, *, everything: bool) -> Shelf:
        """The popular items that may be shown.

        Args:
            category: of all of them; None for any.
            everything: also those of earlier windows.

        Raises:
            StoresDownError: no store has them, and some did not answer.
            NoCatalogueError: a category is given, and the job has no catalogue.
        """
        if time.monotonic() >= self._until:
            self._windows, self._store, _ = await self._queries.windows(WINDOWS)
            self._until = time.monotonic() + _SECONDS
        windows = self._windows if everything else self._windows[:1]
        items = dict.fromkeys(place.item for window in windows for place in window.items)
        offered = await self._queries.catalogue.offered(items, category)
        end = windows[0].window_end if windows else 0
        return Shelf([item for item in items if offered(item)], end, self._store)
