"""The SQL store: on SQLite, and on a real MariaDB and PostgreSQL."""

import json
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pymysql
import pytest
import sqlalchemy as sa

from deploy.servers.mysql import MySQL
from deploy.servers.postgres import Postgres
from sinks import open_source
from sinks.retry import retry_outages
from sinks.sql import errors
from sinks.sql.schema import METADATA
from sinks.sql.store import SqlStore
from tests.sinks.databases import make_database, quoted
from tests.sinks.frames import Event, events, ranking, recommendations
from tests.sinks.outage import ITEMS, USERS, write_through_an_outage
from transforms.messages.events import EventBatch
from transforms.messages.popular import PopularRows
from transforms.messages.recommendations import Recommendations

T = 1_500_000_000
ROWS: list[Event] = [(1, 5, "pv", T + 3), (1, 4, "buy", T + 1), (1, 5, "pv", T), (2, 9, "fav", T)]


def open_store(url: str) -> SqlStore:
    store = open_source(url).open()
    assert isinstance(store, SqlStore)
    store.prepare()
    return store


SERVERS = [pytest.param(name, marks=pytest.mark.servers) for name in ("mysql", "postgres")]


@pytest.fixture(params=["sqlite", *SERVERS])
def store(request: pytest.FixtureRequest, tmp_path: Path, unique: str) -> Iterator[SqlStore]:
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'x.db'}"
    else:
        url = make_database(request.getfixturevalue(request.param), unique)
    store = open_store(url)
    yield store
    store.close()


def found(store: SqlStore, table: str) -> list[tuple[Any, ...]]:
    with store.engine.connect() as connection:
        metadata = sa.MetaData()
        rows = connection.execute(sa.select(sa.Table(table, metadata, autoload_with=connection)))
        return sorted(tuple(row) for row in rows)


def test_a_relative_file_lies_where_the_job_was_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        sources.append(open_source("sqlite:///x.db"))
    assert sources[0] != sources[1]
    assert sources[0].name == "sqlite:///x.db"
    store = sources[0].open()
    store.prepare()
    store.close()
    assert [path.parent.name for path in tmp_path.rglob("x.db")] == ["one"]


def test_a_reader_of_the_old_tables_finds_the_columns_it_knew(store: SqlStore) -> None:
    store.prepare()
    store.writer(EventBatch)(events(*ROWS))
    store.writer(PopularRows)(ranking(T, (7, 3), (8, 2)))
    store.writer(Recommendations)(recommendations((1, T, [3, 2])))
    user, rank, count = (quoted(store.engine, name) for name in ("user", "rank", "count"))
    text = (lambda column: f"{column}::text") if store.engine.name == "postgresql" else str
    with store.engine.connect() as connection:
        read = connection.exec_driver_sql
        rows = [tuple(row) for row in read(f"SELECT {user}, item, behavior, time FROM record")]  # noqa: S608
        assert sorted(rows) == sorted(ROWS)
        top = read(f"SELECT window_end, {rank}, item, {count} FROM top ORDER BY {rank}")  # noqa: S608
        assert [tuple(row) for row in top] == [(T, 1, 7, 3), (T, 2, 8, 2)]
        columns = f"{user}, time, {text('items')}, policy, {text('propensities')}"
        (row,) = read(f"SELECT {columns} FROM recommendation")  # noqa: S608
        assert (row[0], row[1], json.loads(row[2]), row[3]) == (1, T, [3, 2], "popular")
        assert json.loads(row[4]) == [1.0, 1.0]


def test_writing_again_changes_nothing(store: SqlStore) -> None:
    seen = []
    for _ in range(2):
        for frame in (events(*ROWS), ranking(T, (7, 3)), recommendations((1, T, [3]), (2, T, []))):
            assert not store.writer(type(frame))(frame)
        seen.append([str(found(store, name)) for name in ("record", "top", "recommendation")])
    assert seen[0] == seen[1]


def test_one_poison_row_is_refused_and_its_neighbours_are_written(store: SqlStore) -> None:
    if store.engine.dialect.name == "mysql":
        add = ["ALTER TABLE record ADD CONSTRAINT no_13 CHECK (item <> 13)",
               "ALTER TABLE top MODIFY item TINYINT NOT NULL"]  # fmt: skip
    elif store.engine.dialect.name == "postgresql":
        add = ["ALTER TABLE record ADD CONSTRAINT no_13 CHECK (item <> 13)",
               "ALTER TABLE top ALTER item TYPE SMALLINT",
               "ALTER TABLE top ADD CONSTRAINT small CHECK (item < 1000)"]  # fmt: skip
    else:
        abort = "WHEN NEW.item >= 1000 OR NEW.item = 13 BEGIN SELECT RAISE(ABORT, 'no'); END"
        add = [f"CREATE TRIGGER t_{t} BEFORE INSERT ON {t} {abort}" for t in ("record", "top")]
    with store.engine.begin() as connection:
        for statement in add:
            connection.exec_driver_sql(statement)
    (refusal,) = store.writer(EventBatch)(events(*ROWS, (3, 13, "pv", T), (4, 1, "pv", T)))
    assert (refusal.table, refusal.row["user"], refusal.time) == ("record", 3, T)
    assert len(found(store, "record")) == len(ROWS) + 1
    (refusal,) = store.writer(PopularRows)(ranking(T, (1, 9), (1000, 8), (2, 7)))
    assert refusal.row["item"] == 1000
    assert [row[2] for row in found(store, "top")] == [1, 2]


def test_a_missing_table_ends_the_job_and_drops_nothing(store: SqlStore) -> None:
    with store.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE record")
    with pytest.raises(sa.exc.DBAPIError) as caught:
        store.writer(EventBatch)(events(*ROWS))
    assert not store.is_outage(caught.value)


@pytest.mark.parametrize(
    ("number", "passes"), [(1213, True), (1205, True), (2013, True), (1045, False), (1049, False)]
)
def test_deadlocks_pass_and_wrong_passwords_do_not(
    store: SqlStore, number: int, passes: bool
) -> None:
    error = sa.exc.OperationalError("INSERT", {}, pymysql.err.OperationalError(number, "words"))
    assert store.is_outage(error) is passes


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        (psycopg.errors.DeadlockDetected("words"), True),
        (psycopg.errors.AdminShutdown("words"), True),
        (psycopg.errors.DiskFull("words"), True),
        (psycopg.errors.ReadOnlySqlTransaction("words"), True),
        (psycopg.OperationalError("connection to server failed: Connection refused"), True),
        (psycopg.OperationalError('FATAL:  password authentication failed for user "a"'), False),
        (psycopg.OperationalError('FATAL:  database "shop" does not exist'), False),
        (psycopg.errors.UndefinedTable("words"), False),
        (psycopg.errors.InsufficientPrivilege("words"), False),
        (psycopg.errors.CheckViolation("words"), False),
    ],
)
def test_an_error_of_postgresql_is_an_outage_where_it_passes(
    error: psycopg.Error, passes: bool
) -> None:
    assert errors.is_outage(sa.exc.OperationalError("INSERT", {}, error)) is passes


@pytest.mark.servers
def test_a_database_of_postgresql_that_is_not_there_is_no_outage(postgres: Postgres) -> None:
    store = open_source(postgres.url.replace("/rivulet", "/nowhere")).open()
    with pytest.raises(sa.exc.OperationalError) as caught:
        store.prepare()
    assert not store.is_outage(caught.value)
    store.close()


def test_a_locked_sqlite_file_passes(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'x.db'}")
    with store.engine.connect() as one, store.engine.connect() as other:
        one.exec_driver_sql("BEGIN IMMEDIATE")
        other.exec_driver_sql("PRAGMA busy_timeout=1")
        with pytest.raises(sa.exc.OperationalError) as caught:
            other.exec_driver_sql("BEGIN IMMEDIATE")
    assert store.is_outage(caught.value)


@pytest.mark.servers
@pytest.mark.parametrize("kind", [MySQL, Postgres])
def test_an_outage_loses_and_repeats_nothing(
    kind: type[MySQL | Postgres], tmp_path: Path, postgres_data: Path
) -> None:
    folder = postgres_data / "outage" if kind is Postgres else tmp_path
    with kind(folder) as server:
        store = open_store(server.url)
        write_through_an_outage(store, server)
        assert len(found(store, "record")) == USERS * ITEMS
        store.close()


def test_many_workers_that_make_the_tables_at_once_all_find_them(tmp_path: Path) -> None:
    for attempt in range(10):
        url = f"sqlite:///{tmp_path / f'{attempt}.db'}"
        together = threading.Barrier(8)

        def prepare(url: str = url, together: threading.Barrier = together) -> list[str]:
            store = open_source(url).open()
            assert isinstance(store, SqlStore)
            together.wait()
            retry_outages(store)(store.prepare)
            tables = sa.inspect(store.engine).get_table_names()
            store.close()
            return tables

        with ThreadPoolExecutor(8) as workers:
            found = [worker.result() for worker in [workers.submit(prepare) for _ in range(8)]]
        assert {tuple(sorted(tables)) for tables in found} == {tuple(sorted(METADATA.tables))}


def test_a_table_that_another_worker_makes_meanwhile_is_there(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'x.db'}"
    store, other = (open_source(url).open() for _ in range(2))
    assert isinstance(store, SqlStore)
    assert isinstance(other, SqlStore)
    tries = []

    def meanwhile(table: sa.Table, connection: sa.Connection, **_: Any) -> None:
        """Between the look and CREATE TABLE: first a lock in the way, then another worker."""
        if connection.engine is not store.engine:
            return
        tries.append(table.name)
        if len(tries) == 1:
            locked = sqlite3.OperationalError("database is locked")
            locked.sqlite_errorname = "SQLITE_BUSY"
            raise sa.exc.OperationalError("CREATE TABLE", None, locked)
        table.create(other.engine)

    tables = METADATA.sorted_tables
    for table in tables:
        sa.event.listen(table, "before_create", meanwhile)
    try:
        retry_outages(store)(store.prepare)
    finally:
        for table in tables:
            sa.event.remove(table, "before_create", meanwhile)
    assert tries == [tables[0].name, *(table.name for table in tables)]
    assert set(sa.inspect(store.engine).get_table_names()) == set(METADATA.tables)
    store.close()
    other.close()


def test_what_a_stopped_worker_leaves_beside_the_file_is_merged(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    script = (
        "import os, sqlite3\n"
        f"connection = sqlite3.connect({str(path)!r})\n"
        "connection.execute('PRAGMA journal_mode=WAL')\n"
        "connection.execute('CREATE TABLE t (x)')\n"
        "os._exit(0)\n"
    )
    subprocess.run([sys.executable, "-S", "-c", script], check=True)
    assert len(list(tmp_path.iterdir())) == 3
    open_source(f"sqlite:///{path}").tidy()
    assert list(tmp_path.iterdir()) == [path]
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("t",)]
    open_source(f"sqlite:///{tmp_path / 'none.db'}").tidy()
    assert list(tmp_path.iterdir()) == [path]
