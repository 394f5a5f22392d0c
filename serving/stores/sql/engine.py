"""Queries to an SQL database: in threads, with time limits, and with tables that may be missing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Engine, Select, Table, create_engine, event, inspect, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DatabaseError
from sqlalchemy.pool import NullPool

from serving.stores.base import StoreURLError, public_name
from serving.stores.sql.sqlite import connector

T = TypeVar("T")
RowTuples = list[tuple[Any, ...]]
_THREADS = 4
_RECYCLE_SECONDS = 300


class Database:
    """An SQL database.

    Args:
        url: an SQLAlchemy URL.
        timeout: seconds that a query may take.

    Raises:
        StoreURLError: SQLAlchemy does not accept the URL, or the driver is not installed.
    """

    def __init__(self, url: str, timeout: float) -> None:
        self._engine, self._file = _open(url, timeout)
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="sql")
        # Its own thread: the state can be read while all others run slow queries.
        self._state_thread = ThreadPoolExecutor(1, thread_name_prefix="sql-state")
        self._tables: set[str] = set()

    @property
    def file_is_absent(self) -> bool:
        """Whether this is a SQLite file that does not exist."""
        return self._file is not None and not self._file.exists()

    async def has_rows(self, *tables: Table) -> bool:
        """Whether one of the tables has a row."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(
            self._state_thread,
            lambda: any(self._fetch(select(of.c[0]).limit(1), of.name) for of in tables),
        )

    async def query(self, query: Select[Any], table: str, make: Callable[[RowTuples], T]) -> T:
        """The result of a query.

        Args:
            query: the query.
            table: the table that it needs; without it (or the file) there are no rows.
            make: makes the result from the rows, in the query's thread.
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, lambda: make(self._fetch(query, table)))

    def _fetch(self, query: Select[Any], table: str) -> RowTuples:
        if not self._has(table):
            return []
        try:
            with self._engine.connect() as connection:
                return [tuple(row) for row in connection.execute(query)]
        except DatabaseError:
            # The file may have been created again since the table was found.
            self._tables.discard(table)
            if self._has(table):
                raise
            return []

    def _has(self, table: str) -> bool:
        if self.file_is_absent:
            self._tables.clear()
            return False
        if table not in self._tables and inspect(self._engine).has_table(table):
            self._tables.add(table)
        return table in self._tables

    def close(self) -> None:
        """Closes the connections."""
        for threads in (self._threads, self._state_thread):
            threads.shutdown(wait=False, cancel_futures=True)
        self._engine.dispose()


def _read_json_as_text(connection: Any, _record: Any) -> None:
    """As the other drivers do: values are checked where rows are made."""
    from psycopg.types.string import TextLoader

    for name in ("json", "jsonb"):
        connection.adapters.register_loader(name, TextLoader)


def _open(url: str, timeout: float) -> tuple[Engine, Path | None]:
    name = public_name(url)
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() == "sqlite":
            if not parsed.database or parsed.database == ":memory:":
                raise StoreURLError(f"{name}: a SQLite store is a file, as in sqlite:///rivulet.db")
            path = Path(parsed.database)
            creator = connector(path, timeout)
            return create_engine("sqlite://", creator=creator, poolclass=NullPool), path
        seconds = max(1, round(timeout))
        limits: dict[str, int | str] = {"connect_timeout": seconds}
        if parsed.get_driver_name() == "pymysql":
            limits |= {"read_timeout": seconds, "write_timeout": seconds}
        elif parsed.get_driver_name() == "psycopg":
            limits |= {"options": f"-c statement_timeout={seconds}s"}
        engine = create_engine(
            parsed,
            connect_args=limits,
            isolation_level="AUTOCOMMIT",
            pool_size=_THREADS,
            pool_timeout=timeout,
            pool_recycle=_RECYCLE_SECONDS,
            pool_pre_ping=True,
        )
        if parsed.get_driver_name() == "psycopg":
            event.listen(engine, "connect", _read_json_as_text)
    except (ArgumentError, ValueError) as error:
        if isinstance(error, StoreURLError):
            raise
        # SQLAlchemy's own message may hold the whole URL.
        raise StoreURLError(
            f"{name} is no store's URL; it looks like mysql+pymysql://USER:PASSWORD@HOST/DATABASE "
            "or postgresql+psycopg://USER:PASSWORD@HOST/DATABASE"
        ) from None
    except ModuleNotFoundError as error:
        raise StoreURLError(f"{name} needs the Python package {error.name}") from error
    return engine, None
