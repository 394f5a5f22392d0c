"""Any SQL database that SQLAlchemy speaks to and that has an upsert.

SQLAlchemy makes the statements; the rows go to the driver's own `executemany` as tuples,
which is several times as fast as going through SQLAlchemy row by row and is bound by
parameters just the same.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine, make_url
from sqlalchemy.pool import QueuePool

from rivulet.urls import public_name
from sinks.base import Refusal, SinkError, Write
from sinks.sql import errors, schema
from sinks.sql.rows import TARGETS, Lists, Rows, Target
from sinks.sql.upserts import upsert
from transforms.columns.frames import Frame

BATCH_ROWS = 2_000
"""Rows of one executemany over a network; SQLite takes a frame whole."""

PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=NORMAL",
    "cache_size=-131072",
    # Pages in the log (of 4 KiB) before they are moved to the file, which waits for the disk.
    "wal_autocheckpoint=16384",
)
"""How SQLite is set: one writer, many readers, fast bulk writes that outlive a crash of ours."""


@dataclass(frozen=True, repr=False)
class SqlSource:
    """An SQLAlchemy URL.

    Attributes:
        url: with the password, if there is one.
        folder: where a SQLite file of a relative path lies: here, wherever the workers stand.
    """

    url: str
    folder: str = field(default_factory=os.getcwd)

    @property
    def name(self) -> str:
        """The URL without its secrets."""
        return public_name(self.url)

    def open(self) -> SqlStore:
        """A store with a pool of connections of its own."""
        return SqlStore(self.name, make_engine(self.url, self.folder))

    def __repr__(self) -> str:
        return f"SqlSource({self.name})"


def make_engine(url: str, folder: str = "") -> Engine:
    """An engine as Rivulet wants it: pings before use; SQLite for one writer, many readers.

    Args:
        url: SQLAlchemy's.
        folder: where a SQLite file of a relative path lies.
    """
    parts = make_url(url)
    if parts.get_backend_name() != "sqlite":
        return sa.create_engine(
            url,
            pool_pre_ping=True,
            pool_recycle=1800,
            hide_parameters=True,
            # Rows are tuples: MySQL's and PostgreSQL's drivers take parameters by place too.
            paramstyle="format",
        )
    if parts.database and not parts.database.startswith((":memory:", "file:")):
        parts = parts.set(database=str(Path(folder) / parts.database))
    engine = sa.create_engine(
        parts, connect_args={"timeout": 60}, hide_parameters=True, poolclass=QueuePool
    )

    @sa.event.listens_for(engine, "connect")
    def _tune(connection: Any, _record: Any) -> None:
        for pragma in PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")

    return engine


class SqlStore:
    """Tables in an SQL database.

    Args:
        name: what messages call it.
        engine: an SQLAlchemy engine.
    """

    def __init__(self, name: str, engine: Engine) -> None:
        self.name, self.engine = name, engine

    def prepare(self) -> None:
        """Makes the tables that are missing."""
        for table in schema.METADATA.sorted_tables:
            try:
                table.create(self.engine, checkfirst=True)
            except sa.exc.DatabaseError:
                # Many workers make them at once: if another one has made it, all is well. What
                # is not there for another reason, a lock say, is the caller's to try again.
                if not sa.inspect(self.engine).has_table(table.name):
                    raise

    def writer(self, frame_type: type[Frame]) -> Write:
        """Upserts frames of this type into their table."""
        target = TARGETS.get(frame_type)
        if target is None:
            raise SinkError(f"{self.name} has no table for {frame_type.__name__}")
        dialect = self.engine.dialect
        names = [column.name for column in target.table.columns]
        statement = str(
            upsert(target.table, dialect.name).compile(dialect=dialect, column_keys=names)
        )

        def write(frame: Frame) -> Sequence[Refusal]:
            with self.engine.connect() as connection:
                whole = dialect.name == "sqlite"
                if whole and _write_whole(connection, statement, target.columns(frame)):
                    return []
                rows = target.rows(frame)
                step = len(rows) if whole else BATCH_ROWS
                return [
                    refusal
                    for start in range(0, len(rows), step)
                    for refusal in _write(connection, statement, rows[start : start + step], target)
                ]

        return write

    def is_outage(self, error: BaseException) -> bool:
        """Connections lost, refused or timed out; locks held too long; deadlocks."""
        return errors.is_outage(error)

    def close(self) -> None:
        """Closes the pool."""
        self.engine.dispose()


def _write_whole(connection: Connection, statement: str, columns: Lists) -> bool:
    """Writes all rows in one go as they are made, without a tuple held for each; if it can."""
    driver = connection.connection
    try:
        with connection.begin():
            driver.cursor().executemany(statement, zip(*columns, strict=True))  # type: ignore[arg-type]
    except (connection.dialect.loaded_dbapi.Error, OverflowError):
        return False  # Why, and which rows are to blame, is found out more slowly.
    return True


def _write(connection: Connection, statement: str, rows: Rows, target: Target) -> Iterator[Refusal]:
    """Writes rows in one go; where that is refused, in halves, down to the bad rows."""
    try:
        with connection.begin():
            connection.exec_driver_sql(statement, rows)
    except (sa.exc.DBAPIError, OverflowError) as error:
        if not errors.is_refusal(error):
            raise
        if len(rows) == 1:
            row = dict(zip((c.name for c in target.table.columns), rows[0], strict=True))
            why = str(getattr(error, "orig", error))
            yield Refusal(target.table.name, row, why, int(row[target.time]))
            return
        half = len(rows) // 2
        yield from _write(connection, statement, rows[:half], target)
        yield from _write(connection, statement, rows[half:], target)
