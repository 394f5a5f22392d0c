"""A store behind SQLAlchemy: SQLite, MySQL, MariaDB and others."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import Engine, Select, Table, create_engine, func, inspect, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DatabaseError
from sqlalchemy.pool import NullPool

from serving.schemas.responses import (
    Event,
    EventMinutes,
    PolicyMinutes,
    PopularItem,
    PopularWindow,
    Recommendation,
    StoreState,
)
from serving.stores.base import StoreURLError, Worker, public_name
from serving.stores.sqlite import connector
from sinks.sql.schema import (
    EVENT_MINUTE,
    JOB_WORKER,
    POLICY_MINUTE,
    RECOMMENDATION,
    RECORD,
    TOP,
)

Rows = list[tuple[Any, ...]]
_THREADS = 4
_MINUTE = 60
_PLACES = 4
_RECYCLE_SECONDS = 300


def _engine(url: str, timeout: float) -> tuple[Engine, Path | None]:
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() == "sqlite":
            if not parsed.database or parsed.database == ":memory:":
                raise StoreURLError(f"{url}: a SQLite store is a file, as in sqlite:///rivulet.db")
            path = Path(parsed.database)
            creator = connector(path, timeout)
            return create_engine("sqlite://", creator=creator, poolclass=NullPool), path
        seconds = max(1, round(timeout))
        limits = {"connect_timeout": seconds}
        if parsed.get_driver_name() == "pymysql":
            limits |= {"read_timeout": seconds, "write_timeout": seconds}
        engine = create_engine(
            parsed,
            connect_args=limits,
            isolation_level="AUTOCOMMIT",
            pool_size=_THREADS,
            pool_timeout=timeout,
            pool_recycle=_RECYCLE_SECONDS,
            pool_pre_ping=True,
        )
    except ArgumentError as error:
        raise StoreURLError(f"{public_name(url)} is no store's URL: {error}") from error
    except ModuleNotFoundError as error:
        raise StoreURLError(f"{public_name(url)} needs the Python package {error.name}") from error
    return engine, None


class SQLReader:
    """Reads the tables of spec section 6.

    Args:
        url: SQLAlchemy's.
        timeout: seconds that a query may take.

    Raises:
        StoreURLError: SQLAlchemy does not take the URL, or its driver is missing.
    """

    def __init__(self, url: str, timeout: float) -> None:
        self.name = public_name(url)
        self._engine, self._file = _engine(url, timeout)
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="sql")
        self._known: set[str] = set()

    async def _rows(self, query: Select[Any], needs: Table) -> Rows:
        """The rows of a query, none if its table (or the file) is not there."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._fetch, query, needs.name)

    def _fetch(self, query: Select[Any], table: str) -> Rows:
        if not self._has(table):
            return []
        try:
            with self._engine.connect() as connection:
                return [tuple(row) for row in connection.execute(query)]
        except DatabaseError:
            # A file made anew may lack a table that the one before had.
            self._known.discard(table)
            if self._has(table):
                raise
            return []

    def _has(self, table: str) -> bool:
        if self._file and not self._file.exists():
            self._known.clear()
            return False
        if table not in self._known and inspect(self._engine).has_table(table):
            self._known.add(table)
        return table in self._known

    async def state(self) -> StoreState:
        """As the protocol has it."""
        if self._file and not self._file.exists():
            return "absent"
        for table in (RECORD, TOP, RECOMMENDATION):
            if await self._rows(select(table).limit(1), table):
                return "ok"
        return "empty"

    async def popular(self, window_end: int | None, windows: int) -> list[PopularWindow]:
        """As the protocol has it."""
        end = TOP.c.window_end
        latest = select(end).distinct().order_by(end.desc()).limit(windows)
        if window_end is not None:
            latest = latest.where(end <= window_end)
        # MySQL takes no LIMIT in an IN, hence the join.
        chosen = latest.subquery()
        query = (
            select(TOP).join(chosen, end == chosen.c.window_end).order_by(end.desc(), TOP.c["rank"])
        )
        return [
            PopularWindow(int(found), [PopularItem(row[1], row[2], row[3]) for row in rows])
            for found, rows in groupby(await self._rows(query, TOP), lambda row: row[0])
        ]

    async def recommendations(self, user: int, limit: int, offset: int) -> list[Recommendation]:
        """As the protocol has it."""
        table = RECOMMENDATION.c
        query = (
            select(table.time, table["items"], table.policy, table.propensities, table.last_reward)
            .where(table.user == user)
            .order_by(table.time.desc())
            .limit(limit)
            .offset(offset)
        )
        return [
            Recommendation(time, _json(items), policy, _json(propensities), last_reward)
            for time, items, policy, propensities, last_reward in await self._rows(
                query, RECOMMENDATION
            )
        ]

    async def history(self, user: int, limit: int, offset: int) -> list[Event]:
        """As the protocol has it."""
        table = RECORD.c
        query = (
            select(table.item, table.behavior, table.time)
            .where(table.user == user)
            .order_by(table.time.desc(), table.item.desc(), table.behavior)
            .limit(limit)
            .offset(offset)
        )
        return [Event(*row) for row in await self._rows(query, RECORD)]

    async def events_between(self, user: int, start: int, end: int, limit: int) -> list[Event]:
        """As the protocol has it."""
        table = RECORD.c
        query = (
            select(table.item, table.behavior, table.time)
            .where(table.user == user, table.time >= start, table.time < end)
            .order_by(table.time, table.item, table.behavior)
            .limit(limit)
        )
        return [Event(*row) for row in await self._rows(query, RECORD)]

    async def users(self, limit: int) -> list[int]:
        """Some users, those with the latest recommendations first.

        The table has no index by time, and may have millions of rows: so a few users are
        looked at from each of some places among the ids, whatever the table's size.
        """
        table = RECOMMENDATION.c
        # Two queries: of both at once SQLite reads the whole table.
        least, most = (select(end(table.user)).scalar_subquery() for end in (func.min, func.max))
        ends = await self._rows(select(least, most), RECOMMENDATION)
        if not ends or ends[0][0] is None:
            return []
        first, last = map(int, ends[0])
        places = {first + (last - first) * part // _PLACES for part in range(_PLACES)}
        some = [
            row[0]
            for place in sorted(places)
            for row in await self._rows(
                select(table.user)
                .where(table.user >= place)
                .group_by(table.user)
                .order_by(table.user)
                .limit(limit),
                RECOMMENDATION,
            )
        ]
        latest = (
            select(table.user)
            .where(table.user.in_(set(some)))
            .group_by(table.user)
            .order_by(func.max(table.time).desc(), table.user)
            .limit(limit)
        )
        return [row[0] for row in await self._rows(latest, RECOMMENDATION)]

    async def policy_minutes(self, minutes: int) -> list[PolicyMinutes]:
        """As the protocol has it."""
        table = POLICY_MINUTE.c
        newest = select(table.minute).order_by(table.minute.desc()).limit(1).scalar_subquery()
        query = (
            select(POLICY_MINUTE)
            .where(table.minute > newest - minutes * _MINUTE)
            .order_by(table.policy, table.minute)
        )
        found = []
        for policy, rows in groupby(await self._rows(query, POLICY_MINUTE), lambda row: row[0]):
            _, minute, shown, hits, reward = zip(*rows, strict=True)
            rewards = [float(value) for value in reward]
            found.append(PolicyMinutes(policy, list(minute), list(shown), list(hits), rewards))
        return found

    async def event_minutes(self, minutes: int) -> EventMinutes | None:
        """As the protocol has it."""
        minute = EVENT_MINUTE.c.minute
        newest = select(minute).order_by(minute.desc()).limit(1).scalar_subquery()
        query = select(EVENT_MINUTE).where(minute > newest - minutes * _MINUTE).order_by(minute)
        rows = await self._rows(query, EVENT_MINUTE)
        return EventMinutes(*map(list, zip(*rows, strict=True))) if rows else None

    async def workers(self) -> list[Worker]:
        """As the protocol has it."""
        table = JOB_WORKER.c
        newest = select(table.run).order_by(table.run.desc()).limit(1).scalar_subquery()
        query = select(table.run, table.updated_at, table.counts).where(table.run == newest)
        return [
            Worker(run, updated_at, _json(counts))
            for run, updated_at, counts in await self._rows(query, JOB_WORKER)
        ]

    async def close(self) -> None:
        """As the protocol has it."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._engine.dispose()


def _json(value: Any) -> Any:
    """A JSON column's value: some drivers give text, others what it means."""
    if not isinstance(value, str | bytes):
        return value
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return value
