"""The reader of an SQL store."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import Any, TypeVar

from sqlalchemy import Column, Select, String, Table, Text, func, select, type_coerce

from rivulet.prefixes import split_prefix
from serving.schemas import Id
from serving.schemas.health import StoreState
from serving.schemas.items import Item
from serving.schemas.job import EventMinutes, PolicyMinutes
from serving.schemas.popular import PopularWindow
from serving.schemas.users import Event, Recommendation
from serving.stores import rows
from serving.stores.base import Horizon, Worker, public_name
from serving.stores.items import item_of
from serving.stores.kinds import StoreKinds
from serving.stores.sql.engine import Database, RowTuples
from sinks.sql.item_rows import ITEM
from sinks.sql.names import named
from sinks.sql.schema import (
    EVENT_MINUTE,
    JOB,
    JOB_WORKER,
    POLICY_MINUTE,
    RECOMMENDATION,
    RECORD,
    TOP,
)
from transforms.messages.job import JobSettings

T = TypeVar("T")
_MINUTE = 60
_PLACES = 4


def _is(of: Column[Any], user: Id) -> Any:
    """Whether a column of users is this user; the tables' definitions here are of integers."""
    return _typed(of, user) == user


def _typed(of: Column[Any], user: Id) -> Any:
    return type_coerce(of, String) if isinstance(user, str) else of


def _json(of: Column[Any]) -> Any:
    """A JSON column as the driver returns it, so that text that is no JSON raises nothing."""
    return type_coerce(of, Text)


class SQLReader:
    """Reads the tables of `sinks.sql.schema`.

    Args:
        url: an SQLAlchemy URL.
        timeout: seconds that a query may take.
        horizon: the largest time that is shown.

    Raises:
        StoreURLError: SQLAlchemy does not accept the URL, or the driver is not installed.
    """

    def __init__(self, url: str, timeout: float, horizon: Horizon) -> None:
        self.name = public_name(url)
        plain, self._prefix = split_prefix(url)
        self._database = Database(plain, timeout)
        self._horizon = horizon
        self._rows = rows.Rows(self.name)
        self._kinds = StoreKinds(self.job_settings)

    def _named(self, table: Table) -> Table:
        return named(table, self._prefix)

    async def _query(self, query: Select[Any], of: Table, make: Callable[[RowTuples], T]) -> T:
        return await self._database.query(query, self._named(of).name, make)

    async def _valid(self, query: Select[Any], of: Table, make: Callable[[Any], T]) -> list[T]:
        return await self._query(query, of, lambda found: self._rows.valid(make, found))

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

    async def recommendations(self, user: Id, limit: int, offset: int) -> list[Recommendation]:
        """See `Reader`."""
        of = self._named(RECOMMENDATION).c
        query = (
            select(of.time, _json(of["items"]), of.policy, _json(of.propensities), of.last_reward)
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

    async def policy_minutes(self, minutes: int) -> list[PolicyMinutes]:
        """See `Reader`."""
        of = self._named(POLICY_MINUTE).c
        query = (
            select(of.policy, of.minute, of.recommendations, of.hits, of.reward)
            .where(*self._last_minutes(of.minute, minutes))
            .order_by(of.policy, of.minute)
        )

        def make(found: RowTuples) -> list[PolicyMinutes]:
            valid = self._rows.valid(_policy_minute, found)
            return [
                PolicyMinutes(policy, *(list(values) for values in _columns(group)))
                for policy, group in groupby(valid, lambda row: row[0])
            ]

        return await self._query(query, POLICY_MINUTE, make)

    async def event_minutes(self, minutes: int) -> EventMinutes | None:
        """See `Reader`."""
        table = self._named(EVENT_MINUTE)
        minute = table.c.minute
        query = select(table).where(*self._last_minutes(minute, minutes)).order_by(minute)

        def make(found: RowTuples) -> EventMinutes | None:
            valid = self._rows.valid(_event_minute, found)
            return EventMinutes(*map(list, zip(*valid, strict=True))) if valid else None

        return await self._query(query, EVENT_MINUTE, make)

    def _last_minutes(self, minute: Column[int], minutes: int) -> tuple[Any, Any]:
        """The conditions that choose the last `minutes` minutes up to the horizon."""
        horizon = self._horizon()
        newest = (
            select(minute)
            .where(minute <= horizon)
            .order_by(minute.desc())
            .limit(1)
            .scalar_subquery()
        )
        return minute <= horizon, minute > newest - minutes * _MINUTE

    async def workers(self) -> list[Worker]:
        """See `Reader`."""
        of = self._named(JOB_WORKER).c
        horizon = 1000 * self._horizon()
        newest = (
            select(of.run).where(of.run <= horizon).order_by(of.run.desc()).limit(1)
        ).scalar_subquery()
        query = select(of.run, of.updated_at, _json(of.counts)).where(of.run == newest)
        return await self._valid(query, JOB_WORKER, rows.worker)

    async def job_settings(self) -> JobSettings | None:
        """See `Reader`."""
        of = self._named(JOB).c
        query = (
            select(of.run, _json(of.settings))
            .where(of.run <= 1000 * self._horizon())
            .order_by(of.run.desc())
            .limit(1)
        )

        def make(found: RowTuples) -> JobSettings | None:
            return next(iter(self._rows.valid(rows.job_settings, found)), None)

        return await self._query(query, JOB, make)

    async def items(self, ids: Sequence[str]) -> list[Item]:
        """Those of the items that the store has, in any order."""
        of = self._named(ITEM).c
        query = select(of.item, of.updated, of.available, of.details).where(of.item.in_(ids))
        return await self._valid(query, ITEM, item_of)

    async def close(self) -> None:
        """See `Reader`."""
        self._database.close()


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


def _columns(group: Iterable[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """The columns of rows without the first one."""
    return list(zip(*group, strict=True))[1:]


def _policy_minute(row: tuple[Any, ...]) -> tuple[str, int, int, int, float]:
    policy, minute, shown, hits, reward = row
    return (
        rows.text(policy), rows.whole(minute), rows.whole(shown), rows.whole(hits),
        rows.real(reward),
    )  # fmt: skip


def _event_minute(row: tuple[Any, ...]) -> list[Id]:
    return [rows.whole(value) for value in row]
