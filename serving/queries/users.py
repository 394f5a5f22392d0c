"""Queries for users: their recommendations with outcomes, and their events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from rivulet.limits import RECOMMEND_PERIOD
from serving.attributed_events import with_outcomes
from serving.queries.base import LIGHT_LISTS, LIGHT_ROWS, StoreQueries
from serving.schemas import Id
from serving.schemas.users import History, Recommendation, Recommendations, Users
from serving.stores.group import StoresDownError

MAX_EVENTS = 20_000
"""Events of a user that are read to find outcomes."""
_MOST_NEWER = 200
"""Lists after a page that are read to see what events were credited to them."""


class UserQueries(StoreQueries):
    """Queries for users."""

    async def recommendations(
        self, user: Id, limit: int, offset: int, outcomes: bool
    ) -> Recommendations | None:
        """A page of a user's recommendations, with their outcomes if `outcomes`."""
        # One more than the limit shows whether there is a next page.
        async with self.lane(offset > LIGHT_ROWS or (outcomes and limit > LIGHT_LISTS)):
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
        offered = await self.catalogue.offered(newest.items)
        kept = [place for place, item in enumerate(newest.items) if offered(item)]
        if len(kept) == len(newest.items):
            return page
        return [_at_places(newest, kept), *older]

    async def _newer(self, user: Id, offset: int, until: int) -> list[Recommendation]:
        """The lists of the pages before this one up to a time: events may be credited to them."""
        if not offset:
            return []
        window = await self.job_setting("reward_window") or 0
        period = await self.job_setting("recommend_period") or RECOMMEND_PERIOD
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
        rewards = await self.settings.rewards()
        return await self.threads.run(
            partial(with_outcomes, page, events or [], window, known_until, rewards, newer, before)
        )

    async def history(self, user: Id, limit: int, offset: int) -> History | None:
        """A page of a user's events."""
        async with self.lane(offset > LIGHT_ROWS):
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


def _at_places(row: Recommendation, places: Sequence[int]) -> Recommendation:
    """The recommendation with some of its places."""
    odds = row.propensities
    return replace(
        row,
        items=[row.items[place] for place in places],
        propensities=None if odds is None else [odds[place] for place in places],
    )
