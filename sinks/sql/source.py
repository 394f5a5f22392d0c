"""From an SQLAlchemy URL to an SQL store."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import URL, Engine, make_url
from sqlalchemy.pool import QueuePool

from rivulet.prefixes import split_prefix, store_name
from rivulet.urls import URLError, escape_credentials, public_name
from sinks.base import DEFAULT_LIMITS, SinkError, StoreLimits, StoreSource
from sinks.sql import packets, postgres
from sinks.sql.job_rows import JOB_WRITERS
from sinks.sql.rows import TARGETS
from sinks.sql.store import SqlStore
from sinks.sql.upserts import check_dialect
from transforms.messages.id_kinds import INTEGERS, IdKinds
from transforms.messages.record_fields import NO_FIELDS, RecordFields

DRIVERS = MappingProxyType(
    {
        "mysql": "mysql+pymysql",
        "mariadb": "mariadb+pymysql",
        "postgres": "postgresql+psycopg",
        "postgresql": "postgresql+psycopg",
    }
)
"""The drivers of the extras `mysql` and `postgres`, for URLs without one."""

ANSWER_TIMEOUT = 120
"""Seconds that a server over the network may take for a batch."""

PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=NORMAL",
    "cache_size=-131072",
    # Pages (of 4 KiB) in the log before it is merged into the file, which waits for the disk.
    "wal_autocheckpoint=16384",
)
"""SQLite's settings: one writer, many readers, bulk writes that survive a crash of the process."""


@dataclass(frozen=True, repr=False)
class SqlSource(StoreSource):
    """An SQL database.

    Attributes:
        url: SQLAlchemy's URL, with the password; `?prefix=` is before the names of the tables.
        folder: the folder that a relative path of a SQLite file refers to. Workers may run in
            other folders than the one where the job was started.
        ids: the kinds of ids.
        fields: what records have beside an event's four fields.
        limits: how long rows are kept.
    """

    url: str
    folder: str = field(default_factory=os.getcwd)
    ids: IdKinds = INTEGERS
    fields: RecordFields = NO_FIELDS
    limits: StoreLimits = DEFAULT_LIMITS

    @property
    def name(self) -> str:
        """The URL without secrets."""
        return store_name(self.url)

    @property
    def retention(self) -> int:
        """Seconds for which rows are kept."""
        return self.limits.retention

    def limited(self, limits: StoreLimits) -> SqlSource:
        """The same source with another retention; there are no other limits."""
        return replace(self, limits=StoreLimits(retention=limits.retention))

    def accepts(self, message_type: type[Any]) -> bool:
        """Whether there is a table for such messages."""
        return message_type in TARGETS or message_type in JOB_WRITERS

    def with_ids(self, ids: IdKinds) -> SqlSource:
        """The same source for ids of these kinds."""
        return replace(self, ids=ids)

    def with_fields(self, fields: RecordFields) -> SqlSource:
        """The same source for records with these fields."""
        return replace(self, fields=fields)

    def open(self) -> SqlStore:
        """Opens the store with a connection pool of its own."""
        url, prefix = split_prefix(self.url)
        engine = make_engine(url, self.folder)
        return SqlStore(self.name, engine, self.ids, self.fields, self.retention > 0, prefix)

    def tidy(self) -> None:
        """Merges SQLite's log into its file, which workers that are stopped leave to the next."""
        parts = make_url(split_prefix(self.url)[0])
        path = _sqlite_path(parts, self.folder)
        if path is None or not Path(f"{path}-wal").exists():
            return
        # The last connection that is closed merges the log; it has to have read.
        with suppress(sqlite3.Error), closing(sqlite3.connect(path, timeout=1)) as connection:
            connection.execute("PRAGMA schema_version").fetchall()

    def __repr__(self) -> str:
        return f"SqlSource({self.name})"


def sql_source(url: str) -> SqlSource:
    """The source for an SQLAlchemy URL.

    Raises:
        SinkError: SQLAlchemy does not know the URL, its driver is not installed, or its database
            has no upsert.
    """
    name = public_name(url)
    try:
        url = escape_credentials(url)
        split_prefix(url)
    except URLError as error:
        raise SinkError(str(error)) from None
    try:
        url = with_driver(url)
        parts = make_url(split_prefix(url)[0])
        dialect = parts.get_dialect()
    except (sa.exc.ArgumentError, sa.exc.NoSuchModuleError, ValueError) as error:
        raise SinkError(
            f"'{name}' is no store that Rivulet can write to: take sqlite:///FILE, "
            "mysql+pymysql://USER:${PASSWORD}@HOST/DB, "
            "postgresql+psycopg://USER:${PASSWORD}@HOST/DB, mongodb://HOST/DB or redis://HOST/0"
        ) from error
    check_dialect(dialect.name)
    if dialect.name == "sqlite" and parts.database in (None, "", ":memory:"):
        raise SinkError(f"'{name}' names no file, as sqlite:///rivulet.db does")
    try:
        dialect.import_dbapi()
    except ImportError as error:
        raise SinkError(
            f"{name}: its driver '{error.name}' is not installed (mysql+pymysql:// for MySQL and "
            "MariaDB comes with rivulet[mysql], postgresql+psycopg:// with rivulet[postgres])"
        ) from error
    return SqlSource(url)


def with_driver(url: str) -> str:
    """The URL with the driver that Rivulet comes with, where it names a database alone."""
    scheme, separator, rest = url.partition("://")
    return f"{DRIVERS.get(scheme.lower(), scheme)}{separator}{rest}"


def make_engine(url: str, folder: str = "") -> Engine:
    """An engine whose connections are checked before use.

    Args:
        url: SQLAlchemy's URL.
        folder: the folder that a relative path of a SQLite file refers to.
    """
    parts = make_url(url)
    if parts.get_backend_name() != "sqlite":
        engine = sa.create_engine(
            url,
            pool_pre_ping=True,
            pool_recycle=1800,
            hide_parameters=True,
            # Rows are tuples: MySQL's and PostgreSQL's drivers take parameters by position too.
            paramstyle="format",
            connect_args=_timeouts(parts),
        )
        if engine.dialect.name in ("mysql", "mariadb"):
            sa.event.listen(engine, "connect", _set_strict)
            sa.event.listen(engine, "connect", packets.remember_limit)
        return engine
    if path := _sqlite_path(parts, folder):
        parts = parts.set(database=path)
    engine = sa.create_engine(
        parts, connect_args={"timeout": 60}, hide_parameters=True, poolclass=QueuePool
    )

    @sa.event.listens_for(engine, "connect")
    def _set_pragmas(connection: Any, _record: Any) -> None:
        for pragma in PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")

    return engine


def _sqlite_path(parts: URL, folder: str) -> str | None:
    """The path of a SQLite file; None where the URL names none."""
    database = parts.database
    if parts.get_backend_name() != "sqlite" or not database:
        return None
    return None if database.startswith((":memory:", "file:")) else str(Path(folder) / database)


def _timeouts(parts: URL) -> dict[str, int]:
    """Otherwise a server that neither answers nor closes its connections is waited for for ever."""
    if parts.get_driver_name() == "psycopg":
        return dict(postgres.TIMEOUTS)
    if parts.get_driver_name() != "pymysql":
        return {}
    return {"read_timeout": ANSWER_TIMEOUT, "write_timeout": ANSWER_TIMEOUT}


def _set_strict(connection: Any, _record: Any) -> None:
    # Otherwise the server stores the nearest value that fits a column, without an error.
    with connection.cursor() as cursor:
        cursor.execute("SET SESSION sql_mode = CONCAT(@@sql_mode, ',STRICT_ALL_TABLES')")
