"""What is asked of the stores, for the API and for the live page alike."""

from __future__ import annotations

from dataclasses import replace

from serving.attributed_events import REWARD_WINDOW, with_outcomes
from serving.schemas.responses import (
    Activity,
    History,
    Job,
    Policies,
    Popular,
    PopularWindow,
    PopularWindows,
    Recommendation,
    Recommendations,
    Users,
)
from serving.stores.group import StoreGroup, StoresDownError

_MOST_EVENTS_JUDGED = 20_000


class Queries:
    """Questions to the stores.

    Args:
        stores: whom to ask.
    """

    def __init__(self, stores: StoreGroup) -> None:
        self.stores = stores
        self._seen: dict[str, list[PopularWindow]] = {}

    async def popular(self, window_end: int | None) -> Popular | None:
        """The window that ends at `window_end` (None: the latest), compared with the one before."""
        windows, store = await self.stores.first(lambda reader: reader.popular(window_end, 2))
        if windows is None or store is None:
            return None
        window = windows[0]
        if window_end is None:
            before = self._before(store, windows)
        elif window.window_end != window_end:
            return None
        else:
            before = windows[1] if len(windows) > 1 else None
        ranks = {place.item: place.rank for place in before.items} if before else {}
        return Popular(
            window_end=window.window_end,
            previous_window_end=before.window_end if before else None,
            items=[replace(place, previous_rank=ranks.get(place.item)) for place in window.items],
            store=store,
        )

    def _before(self, store: str, windows: list[PopularWindow]) -> PopularWindow | None:
        """The window before the latest: from the store, or as it was seen here earlier.

        Redis keeps only the latest one.
        """
        if len(windows) > 1:
            return windows[1]
        seen = self._seen.get(store, [])
        if not seen or seen[-1].window_end != windows[0].window_end:
            seen = self._seen[store] = [*seen[-1:], windows[0]]
        return seen[0] if seen[0].window_end < windows[0].window_end else None

    async def popular_windows(self, count: int) -> PopularWindows | None:
        """The latest windows, oldest first."""
        windows, store = await self.stores.first(lambda reader: reader.popular(None, count))
        return PopularWindows(windows[::-1], store) if windows and store else None

    async def recommendations(
        self, user: int, limit: int, offset: int, outcomes: bool
    ) -> Recommendations | None:
        """A page of a user's recommendations, with what came of them if `outcomes`."""
        # One more than asked for tells whether there is a next page.
        found, store = await self.stores.first(
            lambda reader: reader.recommendations(user, limit + 1, offset)
        )
        if found is None or store is None:
            return None
        page, more = found[:limit], len(found) > limit
        if outcomes:
            page = await self._judged(user, page)
        return Recommendations(user, page, offset + limit if more else None, store)

    async def _judged(self, user: int, page: list[Recommendation]) -> list[Recommendation]:
        """The page with outcomes, or as it is where no store can tell them."""
        start, end = page[-1].time, page[0].time + REWARD_WINDOW
        try:
            events, _ = await self.stores.first(
                lambda reader: reader.events_between(user, start, end, _MOST_EVENTS_JUDGED)
            )
            if events is None:
                # Nothing came of them, if the store that has the user's events keeps their times.
                history, _ = await self.stores.first(lambda reader: reader.history(user, 1, 0))
                if not history or history[0].time is None:
                    return page
        except StoresDownError:
            return page
        return with_outcomes(page, events or [])

    async def history(self, user: int, limit: int, offset: int) -> History | None:
        """A page of a user's events."""
        found, store = await self.stores.first(
            lambda reader: reader.history(user, limit + 1, offset)
        )
        if found is None or store is None:
            return None
        more = len(found) > limit
        return History(user, found[:limit], offset + limit if more else None, store)

    async def users(self, limit: int) -> Users | None:
        """Users with a recent recommendation."""
        found, store = await self.stores.first(lambda reader: reader.users(limit))
        return Users(found, store) if found and store else None

    async def policies(self, minutes: int) -> Policies | None:
        """How each policy did."""
        found, store = await self.stores.first(lambda reader: reader.policy_minutes(minutes))
        return Policies(found, store) if found and store else None

    async def activity(self, minutes: int) -> Activity | None:
        """How many events the minutes of event time had."""
        found, store = await self.stores.first(lambda reader: reader.event_minutes(minutes))
        return Activity(found, store) if found and store else None

    async def job(self) -> Job | None:
        """What the latest run has done so far: all its workers together."""
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
        )
