"""What an SQL store says of the job and of the catalogue's items."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import Any, TypeVar

from sqlalchemy import Column, Select, Table, Text, select, type_coerce

from rivulet.prefixes import split_prefix
from serving.schemas import Id
from serving.schemas.items import Item
from serving.schemas.job import EventMinutes, PolicyMinutes
from serving.stores import rows
from serving.stores.base import Horizon, Worker, public_name
from serving.stores.items import item_of
from serving.stores.kinds import StoreKinds
from serving.stores.sql.engine import Database, RowTuples
from sinks.sql.item_rows import ITEM
from sinks.sql.names import named
from sinks.sql.schema import EVENT_MINUTE, JOB, JOB_WORKER, POLICY_MINUTE
from transforms.messages.job import JobSettings

T = TypeVar("T")
_MINUTE = 60


def json_text(of: Column[Any]) -> Any:
    """A JSON column as the driver returns it, so that text that is no JSON raises nothing."""
    return type_coerce(of, Text)


class JobReader:
    """Reads the tables of a job's own figures, and `item`.

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
        query = select(of.run, of.updated_at, json_text(of.counts)).where(of.run == newest)
        return await self._valid(query, JOB_WORKER, rows.worker)

    async def job_settings(self) -> JobSettings | None:
        """See `Reader`."""
        of = self._named(JOB).c
        query = (
            select(of.run, json_text(of.settings))
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

    async def has_items(self) -> bool:
        """Whether the store has any item."""
        query = select(self._named(ITEM).c.item).limit(1)
        return await self._query(query, ITEM, bool)

    async def close(self) -> None:
        """See `Reader`."""
        self._database.close()


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
