"""Queries to the stores, for the API and for the page's live figures alike."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import replace
from functools import partial

from serving.attributed_events import with_outcomes
from serving.schemas import Id
from serving.schemas.items import Item
from serving.schemas.job import Activity, Job, Policies
from serving.schemas.popular import Popular, PopularWindow, PopularWindows
from serving.schemas.users import History, Recommendation, Recommendations, Users
from serving.stores.base import Reader
from serving.stores.group import StoreGroup, StoresDownError
from serving.stores.items import ItemReader
from serving.stores.kinds import id_kinds
from serving.workers import WorkerThreads
from transforms.messages.behaviors import USUAL_REWARDS, rewards_in
from transforms.messages.id_kinds import INTEGERS, IdKinds

MAX_EVENTS = 20_000
"""Events of a user that are read to find outcomes."""
_SETTINGS_SECONDS = 5.0
_MAX_SETTING = 366 * 86_400
_HEAVY_AT_ONCE = 2
"""Queries with many rows that run at the same time: fewer than a store's threads."""
_LIGHT_ROWS = 1000
_LIGHT_LISTS = 20
_LIGHT_MINUTES = 1440
_MOST_NEWER = 200
"""Lists after a page that are read to see what events were credited to them."""
_PERIOD = 20
"""Seconds; the default of the job's --recommend_period."""


class Queries:
    """Queries to a group of stores.

    Args:
        stores: the stores.
        threads: where outcomes are computed.
    """

    def __init__(self, stores: StoreGroup, threads: WorkerThreads) -> None:
        self.stores = stores
        self._threads = threads
        self._windows: dict[str, list[PopularWindow]] = {}
        self._settings: dict[str, int] = {}
        self._rewards = USUAL_REWARDS
        self._ids = INTEGERS
        self._settings_until = 0.0
        self._settings_lock = asyncio.Lock()
        self._heavy = asyncio.Semaphore(_HEAVY_AT_ONCE)

    def _lane(self, heavy: bool) -> AbstractAsyncContextManager[None]:
        """Where a query waits: heavy ones wait for each other, so that others find a thread."""
        return self._heavy if heavy else nullcontext()

    async def popular(self, window_end: int | None) -> Popular | None:
        """The window that ends at `window_end` (None: the latest), compared with the previous."""
        windows, store = await self.stores.first(lambda reader: reader.popular(window_end, 2))
        if windows is None or store is None:
            return None
        window = windows[0]
        if window_end is None:
            previous = self._previous(store, windows)
        elif window.window_end != window_end:
            return None
        else:
            previous = windows[1] if len(windows) > 1 else None
        offered = await self._offered(place.item for place in window.items)
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
        """The latest windows, oldest first."""
        windows, store = await self.stores.first(lambda reader: reader.popular(None, count))
        return PopularWindows(windows[::-1], store) if windows and store else None

    async def recommendations(
        self, user: Id, limit: int, offset: int, outcomes: bool
    ) -> Recommendations | None:
        """A page of a user's recommendations, with their outcomes if `outcomes`."""
        # One more than the limit shows whether there is a next page.
        async with self._lane(offset > _LIGHT_ROWS or (outcomes and limit > _LIGHT_LISTS)):
            found, store = await self.stores.first(
                lambda reader: reader.recommendations(user, limit + 1, offset)
            )
            if found is None or store is None:
                return None
            page, more = found[:limit], len(found) > limit
            window = await self.job_setting("reward_window") if outcomes else None
            if window is not None:
                newer = await self._newer(user, offset, page[0].time + window)
                before = found[limit] if more else None
                page = await self._with_outcomes(user, page, window, newer, before)
            if not offset:
                page = await self._without_gone(page)
        return Recommendations(user, page, offset + limit if more else None, store, window)

    async def _without_gone(self, page: list[Recommendation]) -> list[Recommendation]:
        """The page, whose newest list has only items that are available now.

        Older lists are a record of what was shown.
        """
        if not page:
            return page
        newest, *older = page
        offered = await self._offered(newest.items)
        kept = [place for place, item in enumerate(newest.items) if offered(item)]
        if len(kept) == len(newest.items):
            return page
        return [_at_places(newest, kept), *older]

    async def _newer(self, user: Id, offset: int, until: int) -> list[Recommendation]:
        """The lists of the pages before this one up to a time: events may be credited to them."""
        if not offset:
            return []
        window = await self.job_setting("reward_window") or 0
        period = await self.job_setting("recommend_period") or _PERIOD
        first = max(0, offset - min(window // period + 1, _MOST_NEWER))
        found, _ = await self.stores.first(
            lambda reader: reader.recommendations(user, offset - first, first)
        )
        return [each for each in found or [] if each.time < until]

    async def _with_outcomes(
        self,
        user: Id,
        page: list[Recommendation],
        window: int,
        newer: list[Recommendation],
        before: Recommendation | None,
    ) -> list[Recommendation]:
        """The page with outcomes, or unchanged if no store has the user's events."""
        start, end = page[-1].time, page[0].time + window
        try:
            events, _ = await self.stores.first(
                lambda reader: reader.events_between(user, start, end, MAX_EVENTS)
            )
            if events is None:
                # There are no outcomes, if a store has the user's events with their times.
                history, _ = await self.stores.first(lambda reader: reader.history(user, 1, 0))
                if not history or history[0].time is None:
                    return page
        except StoresDownError:
            return page
        known_until = events[-1].time if events and len(events) >= MAX_EVENTS else None
        return await self._threads.run(
            partial(
                with_outcomes, page, events or [], window, known_until, self._rewards, newer, before
            )
        )

    async def job_setting(self, name: str) -> int | None:
        """A window or size that the job's latest run was started with; None if unknown.

        The settings are read again every few seconds. While no store answers, the last known
        ones are used.
        """
        if time.monotonic() >= self._settings_until:
            async with self._settings_lock:
                if time.monotonic() >= self._settings_until:
                    await self._read_settings()
        return self._settings.get(name)

    async def ids(self) -> IdKinds:
        """The kinds of the ids of the job's latest run; integers where no store says so."""
        await self.job_setting("history_size")  # Reads the settings again where they are old.
        return self._ids

    async def _read_settings(self) -> None:
        try:
            found, _ = await self.stores.first(lambda reader: reader.job_settings())
        except StoresDownError:
            pass
        else:
            given = found.settings if found else {}
            with contextlib.suppress(ValueError):
                self._rewards = rewards_in(given)
            self._ids = id_kinds(found)
            self._settings = {
                name: value
                for name, value in given.items()
                if isinstance(value, int) and 0 < value <= _MAX_SETTING
            }
        self._settings_until = time.monotonic() + _SETTINGS_SECONDS

    async def history(self, user: Id, limit: int, offset: int) -> History | None:
        """A page of a user's events."""
        async with self._lane(offset > _LIGHT_ROWS):
            found, store = await self.stores.first(
                lambda reader: reader.history(user, limit + 1, offset)
            )
        if found is None or store is None:
            return None
        more = len(found) > limit
        return History(user, found[:limit], offset + limit if more else None, store)

    async def items(self, ids: Sequence[str]) -> dict[str, Item]:
        """Those of the items that a store has, by id."""

        async def read(reader: Reader) -> list[Item]:
            return await reader.items(ids) if isinstance(reader, ItemReader) else []

        found, _ = await self.stores.first(read)
        return {item.item: item for item in found or []}

    async def _offered(self, ids: Iterable[object]) -> Callable[[object], bool]:
        """Which of the items may be shown: with a catalogue those that are available.

        Where no store has any of them nothing is known, and all are shown.
        """
        wanted = [str(item) for item in dict.fromkeys(ids)]
        if not wanted or await self.job_setting("catalogue") is None:
            return lambda _: True
        try:
            known = await self.items(wanted)
        except StoresDownError:
            known = {}
        if not known:
            return lambda _: True
        return lambda item: str(item) in known and known[str(item)].available

    async def users(self, limit: int) -> Users | None:
        """Users with a recent recommendation."""
        found, store = await self.stores.first(lambda reader: reader.users(limit))
        return Users(found, store) if found and store else None

    async def policies(self, minutes: int) -> Policies | None:
        """The results of each policy."""
        async with self._lane(minutes > _LIGHT_MINUTES):
            found, store = await self.stores.first(lambda reader: reader.policy_minutes(minutes))
        return Policies(found, store) if found and store else None

    async def activity(self, minutes: int) -> Activity | None:
        """Events by minute of event time."""
        async with self._lane(minutes > _LIGHT_MINUTES):
            found, store = await self.stores.first(lambda reader: reader.event_minutes(minutes))
        return Activity(found, store) if found and store else None

    async def job(self) -> Job | None:
        """The counters of the latest run, over all of its workers."""
        workers, store = await self.stores.first(lambda reader: reader.workers())
        if not workers or not store:
            return None
        counts = [worker.counts for worker in workers]

        def total(name: str) -> int:
            return sum(one.get(name, 0) for one in counts)

        def latest(name: str) -> int | None:
            return max((one[name] for one in counts if name in one), default=None)

        return Job(
            started_at=workers[0].run / 1000,
            updated_at=max(worker.updated_at for worker in workers),
            workers=len(workers),
            read=total("read"),
            closed=total("closed"),
            duplicates=total("duplicates"),
            late=total("late"),
            malformed=total("malformed"),
            recommendations=total("recommendations"),
            read_to=latest("read_to"),
            closed_to=latest("closed_to"),
            store=store,
            late_alarms=total("late_alarms"),
            future=total("future"),
            expired=total("expired"),
        )


def _at_places(row: Recommendation, places: Sequence[int]) -> Recommendation:
    """The recommendation with some of its places."""
    odds = row.propensities
    return replace(
        row,
        items=[row.items[place] for place in places],
        propensities=None if odds is None else [odds[place] for place in places],
    )
