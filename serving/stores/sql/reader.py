"""The reader of an SQL store."""

from __future__ import annotations

from functools import partial
from itertools import groupby
from typing import Any

from sqlalchemy import Column, String, func, select, type_coerce

from serving.schemas import Id
from serving.schemas.health import StoreState
from serving.schemas.popular import PopularWindow
from serving.schemas.users import Event, Recommendation
from serving.stores.related import RelatedList, related_list
from serving.stores.sql.engine import RowTuples
from serving.stores.sql.job_reader import JobReader, json_text
from sinks.sql.schema import RECOMMENDATION, RECORD, RELATED, TOP

_PLACES = 4


def _is(of: Column[Any], one: Id) -> Any:
    """Whether a column of ids is this one; the tables' definitions here are of integers."""
    return _typed(of, one) == one


def _typed(of: Column[Any], user: Id) -> Any:
    return type_coerce(of, String) if isinstance(user, str) else of


class SQLReader(JobReader):
    """Reads the tables of `sinks.sql.schema`.

    Args:
        url: an SQLAlchemy URL.
        timeout: seconds that a query may take.
        horizon: the largest time that is shown.

    Raises:
        StoreURLError: SQLAlchemy does not accept the URL, or the driver is not installed.
    """

    async def state(self) -> StoreState:
        """See `Reader`."""
        if self._database.file_is_absent:
            return "absent"
        return (
            "ok"
            if await self._database.has_rows(*map(self._named, (RECORD, TOP, RECOMMENDATION)))
            else "empty"
        )

    async def popular(self, window_end: int | None, windows: int) -> list[PopularWindow]:
        """See `Reader`."""
        of = self._named(TOP).c
        end, rank = of.window_end, of["rank"]
        last = self._horizon() if window_end is None else min(window_end, self._horizon())
        latest = select(end).distinct().where(end <= last).order_by(end.desc()).limit(windows)
        # MySQL has no LIMIT in an IN, hence the join.
        chosen = latest.subquery()
        query = (
            select(end, rank, of.item, of["count"])
            .join(chosen, end == chosen.c.window_end)
            .order_by(end.desc(), rank)
        )

        ids = await self._kinds.rows()

        def make(found: RowTuples) -> list[PopularWindow]:
            by_window = groupby(found, lambda row: row[0])
            return self._rows.valid(
                ids.popular_window, ((end, [row[1:] for row in group]) for end, group in by_window)
            )

        return await self._query(query, TOP, make)

    async def related(self, kind: str, item: Id) -> RelatedList | None:
        """See `RelatedReader`."""
        of = self._named(RELATED).c
        query = select(of.time, of["items"], of.counts).where(
            of.kind == kind, _is(of.item, item), of.time <= self._horizon()
        )
        make = partial(related_list, await self._kinds.rows())
        return next(iter(await self._valid(query, RELATED, make)), None)

    async def recommendations(self, user: Id, limit: int, offset: int) -> list[Recommendation]:
        """See `Reader`."""
        of = self._named(RECOMMENDATION).c
        query = (
            select(
                of.time,
                json_text(of["items"]),
                of.policy,
                json_text(of.propensities),
                of.last_reward,
            )
            .where(_is(of.user, user), of.time <= self._horizon())
            .order_by(of.time.desc())
            .limit(limit)
            .offset(offset)
        )
        make = (await self._kinds.rows()).recommendation
        return await self._valid(query, RECOMMENDATION, make)

    async def history(self, user: Id, limit: int, offset: int) -> list[Event]:
        """See `Reader`."""
        of = self._named(RECORD).c
        query = (
            select(of.item, of.behavior, of.time)
            .where(_is(of.user, user), of.time <= self._horizon())
            .order_by(of.time.desc(), of.item.desc(), of.behavior)
            .limit(limit)
            .offset(offset)
        )
        return await self._valid(query, RECORD, (await self._kinds.rows()).event)

    async def events_between(self, user: Id, start: int, end: int, limit: int) -> list[Event]:
        """See `Reader`."""
        of = self._named(RECORD).c
        query = (
            select(of.item, of.behavior, of.time)
            .where(_is(of.user, user), of.time >= start, of.time < end, of.time <= self._horizon())
            .order_by(of.time, of.item, of.behavior)
            .limit(limit)
        )
        return await self._valid(query, RECORD, (await self._kinds.rows()).event)

    async def purchases(self, user: Id, start: int, end: int, limit: int) -> list[Event]:
        """See `Reader`."""
        of = self._named(RECORD).c
        last = min(end - 1, self._horizon())
        query = (
            select(of.item, of.behavior, of.time)
            .where(_is(of.user, user), of.behavior == "buy", of.time >= start, of.time <= last)
            .order_by(of.time.desc(), of.item.desc())
            .limit(limit)
        )
        return await self._valid(query, RECORD, (await self._kinds.rows()).event)

    async def users(self, limit: int) -> list[Id]:
        """Some users, those with the latest recommendations first.

        The table has no index by time and may have millions of rows. So a few users are taken
        from each of several places in the range of ids, whatever the size of the table.
        """
        of = self._named(RECOMMENDATION).c
        # Two subqueries: for both ends in one, SQLite reads the whole table.
        least, most = (select(end(of.user)).scalar_subquery() for end in (func.min, func.max))
        ends = await self._query(select(least, most), RECOMMENDATION, list)
        if not ends or ends[0][0] is None:
            return []
        first = ends[0][0]
        some: set[Id] = set()
        for place in _places(*ends[0]):
            query = (
                select(of.user)
                .where(_typed(of.user, place) >= place)
                .group_by(of.user)
                .order_by(of.user)
                .limit(limit)
            )
            some |= set(await self._query(query, RECOMMENDATION, _first_column))
        latest = (
            select(of.user)
            .where(_typed(of.user, first).in_(some), of.time <= self._horizon())
            .group_by(of.user)
            .order_by(func.max(of.time).desc(), of.user)
            .limit(limit)
        )
        return await self._query(latest, RECOMMENDATION, _first_column)


def _places(first: Id, last: Id) -> list[Id]:
    """Some ids in the range of the users, where reading begins.

    Texts have no numbers between two of them: places are chosen by their first character.
    """
    if not isinstance(first, str) or not isinstance(last, str):
        least, most = int(first), int(last)
        return sorted({least + (most - least) * part // _PLACES for part in range(_PLACES)})
    low, high = ord(first[0]), ord(last[0])
    steps = {low + (high - low) * part // _PLACES for part in range(1, _PLACES)}
    # Surrogates are no characters.
    return [first, *sorted(chr(step) for step in steps if not 0xD800 <= step < 0xE000)]


def _first_column(found: RowTuples) -> list[Any]:
    return [row[0] for row in found]
