"""Queries for popular items."""

from __future__ import annotations

import time
from dataclasses import replace

from rivulet.limits import POPULAR_PERIOD
from serving.queries.base import StoreQueries
from serving.schemas.popular import Popular, PopularWindow, PopularWindows
from serving.stores.group import StoreGroup, StoresDownError
from serving.workers import WorkerThreads

_SECONDS = 1.0


class PopularQueries(StoreQueries):
    """Queries for popular items.

    Args:
        stores: the stores.
        threads: where outcomes are computed.
    """

    def __init__(self, stores: StoreGroup, threads: WorkerThreads) -> None:
        super().__init__(stores, threads)
        self._windows: dict[str, list[PopularWindow]] = {}
        self._full: int | None = None
        self._full_read_until = 0.0

    async def windows(self, count: int) -> tuple[list[PopularWindow], str | None, int | None]:
        """The latest full windows, newest first.

        After the end of an input, windows follow that have only its last events: they are left out.

        Returns:
            The windows; their store; the end of the newest window, where some are left out.
        """
        found, store = await self.stores.first(lambda reader: reader.popular(None, count))
        if not found:
            return [], None, None
        full, newest = await self._full_until(), found[0].window_end
        if full is None or newest <= full:
            return found, store, None
        earlier, other = await self.stores.first(lambda reader: reader.popular(full, count))
        return (earlier, other, newest) if earlier else (found, store, None)

    async def _full_until(self) -> int | None:
        """The end of the first window that has all events of the input; None if unknown."""
        if time.monotonic() >= self._full_read_until:
            try:
                workers, _ = await self.stores.first(lambda reader: reader.workers())
            except StoresDownError:
                workers = None
            times = [each.counts["read_to"] for each in workers or [] if "read_to" in each.counts]
            period = await self.job_setting("popular_period") or POPULAR_PERIOD
            self._full = -(-max(times) // period) * period if times else None
            self._full_read_until = time.monotonic() + _SECONDS
        return self._full

    async def popular(self, window_end: int | None, category: str | None = None) -> Popular | None:
        """The window that ends at `window_end`, compared with the previous one.

        Args:
            window_end: seconds since the epoch; None for the latest full window.
            category: only items of this category; their ranks are those of the whole window.

        Raises:
            NoCatalogueError: a category is given, and the job has no catalogue.
            StoresDownError: no store that may have the window or the category answers.
        """
        newest = None
        if window_end is None:
            windows, store, newest = await self.windows(2)
        else:
            found, store = await self.stores.first(lambda reader: reader.popular(window_end, 2))
            windows = found or []
        if not windows or store is None:
            return None
        window = windows[0]
        if window_end is None:
            previous = self._previous(store, windows)
        elif window.window_end != window_end:
            return None
        else:
            previous = windows[1] if len(windows) > 1 else None
        offered = await self.catalogue.offered((place.item for place in window.items), category)
        ranks = {place.item: place.rank for place in previous.items} if previous else {}
        return Popular(
            window_end=window.window_end,
            previous_window_end=previous.window_end if previous else None,
            items=[
                replace(place, previous_rank=ranks.get(place.item))
                for place in window.items
                if offered(place.item)
            ],
            store=store,
            newest_window_end=newest,
        )

    def _previous(self, store: str, windows: list[PopularWindow]) -> PopularWindow | None:
        """The window before the latest: from the store, or as this server read it earlier.

        Redis holds only the latest window.
        """
        if len(windows) > 1:
            return windows[1]
        known = self._windows.get(store, [])
        if not known or known[-1].window_end != windows[0].window_end:
            known = self._windows[store] = [*known[-1:], windows[0]]
        return known[0] if known[0].window_end < windows[0].window_end else None

    async def popular_windows(self, count: int) -> PopularWindows | None:
        """The latest full windows, oldest first."""
        windows, store, _ = await self.windows(count)
        return PopularWindows(windows[::-1], store) if windows and store else None
