"""Tables that somebody else made: what cannot hold the rows is said before any is written."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from deploy.servers.mysql import MySQL
from deploy.servers.postgres import Postgres
from sinks import open_source
from sinks.base import SinkError
from sinks.sql.schema import METADATA
from sinks.sql.store import SqlStore
from tests.sinks.databases import make_database, quoted
from tests.sinks.frames import events
from transforms.messages.events import EventBatch

T = 1_500_000_000
RECORD = "`user` {user}, item {item}, behavior {behavior}, time BIGINT NOT NULL {more}"
KEY = ", PRIMARY KEY (`user`, item, behavior, time)"
FIT = {
    "user": "BIGINT NOT NULL", "item": "BIGINT NOT NULL", "behavior": "VARCHAR(8) NOT NULL",
    "more": KEY,
}  # fmt: skip


@pytest.fixture
def mysql_store(mysql: MySQL, unique: str) -> Iterator[SqlStore]:
    store = open_source(make_database(mysql, unique)).open()
    assert isinstance(store, SqlStore)
    yield store
    store.close()


@pytest.fixture
def postgres_store(postgres: Postgres, unique: str) -> Iterator[SqlStore]:
    store = open_source(make_database(postgres, unique)).open()
    assert isinstance(store, SqlStore)
    yield store
    store.close()


def make(store: SqlStore, **changes: str) -> None:
    columns = RECORD.format(**(FIT | changes)).replace("`", quoted(store.engine, "x")[0])
    with store.engine.begin() as connection:
        connection.exec_driver_sql(f"CREATE TABLE record ({columns})")


@pytest.mark.servers
@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"item": "INT NOT NULL"}, "column item of table record is INTEGER"),
        ({"user": "INT UNSIGNED NOT NULL"}, "column user of table record is INTEGER"),
        ({"user": "DECIMAL(12) NOT NULL"}, "column user of table record is DECIMAL"),
        ({"behavior": "VARCHAR(3) NOT NULL"}, "column behavior of table record is VARCHAR(3)"),
        ({"behavior": "INT NOT NULL"}, "column behavior of table record is INTEGER"),
        ({"more": ", shop INT NOT NULL" + KEY}, "column shop of table record needs a value"),
        ({"more": ""}, "the primary key of table record is ()"),
        (
            {"more": ", PRIMARY KEY (`user`, item)"},
            "the primary key of table record is (user, item)",
        ),
    ],
)
def test_a_column_that_does_not_fit_is_named(
    mysql_store: SqlStore, changes: dict[str, str], problem: str
) -> None:
    make(mysql_store, **changes)
    with pytest.raises(SinkError) as caught:
        mysql_store.prepare()
    assert problem in str(caught.value)
    assert mysql_store.name in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.servers
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"user": "DECIMAL(20) NOT NULL"},
        {"behavior": "ENUM('pv', 'cart', 'fav', 'buy') NOT NULL"},
        {"behavior": "CHAR(16) NOT NULL"},
        {"more": ", shop INT NOT NULL DEFAULT 3, note TEXT" + KEY},
        {"more": ", made TIMESTAMP DEFAULT CURRENT_TIMESTAMP" + KEY},
    ],
)
def test_other_tables_that_hold_the_rows_are_taken(
    mysql_store: SqlStore, changes: dict[str, str]
) -> None:
    make(mysql_store, **changes)
    mysql_store.prepare()
    assert not mysql_store.writer(EventBatch)(events((2**40, 5, "pv", T)))


@pytest.mark.servers
@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"item": "INT NOT NULL"}, "column item of table record is INTEGER"),
        ({"user": "DECIMAL(12) NOT NULL"}, "column user of table record is NUMERIC"),
        ({"behavior": "VARCHAR(3) NOT NULL"}, "column behavior of table record is VARCHAR(3)"),
        ({"behavior": "shop_behavior"}, "column behavior of table record is the enumeration"),
        ({"more": ", shop INT NOT NULL" + KEY}, "column shop of table record needs a value"),
        ({"more": ""}, "the primary key of table record is ()"),
    ],
)
def test_a_column_of_postgresql_that_does_not_fit_is_named(
    postgres_store: SqlStore, changes: dict[str, str], problem: str
) -> None:
    with postgres_store.engine.begin() as connection:
        connection.exec_driver_sql("CREATE TYPE shop_behavior AS ENUM ('pv')")
    make(postgres_store, **changes)
    with pytest.raises(SinkError) as caught:
        postgres_store.prepare()
    assert problem in str(caught.value)
    assert postgres_store.name in str(caught.value)


@pytest.mark.servers
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"user": "DECIMAL(20) NOT NULL"},
        {"behavior": "TEXT NOT NULL"},
        {"more": ", shop INT NOT NULL DEFAULT 3, row BIGSERIAL, n INT GENERATED ALWAYS AS IDENTITY"
                 ", note TEXT" + KEY},
    ],
)  # fmt: skip
def test_other_tables_of_postgresql_that_hold_the_rows_are_taken(
    postgres_store: SqlStore, changes: dict[str, str]
) -> None:
    make(postgres_store, **changes)
    postgres_store.prepare()
    assert not postgres_store.writer(EventBatch)(events((2**40, 5, "pv", T)))


@pytest.mark.servers
def test_a_missing_column_is_named(mysql_store: SqlStore) -> None:
    with mysql_store.engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE top (window_end BIGINT, item BIGINT)")
    with pytest.raises(SinkError, match="column rank of table top is missing; it must be BIGINT"):
        mysql_store.prepare()


@pytest.mark.servers
def test_a_server_that_is_not_strict_stores_no_wrong_values(
    mysql: MySQL, mysql_store: SqlStore
) -> None:
    mysql_store.prepare()
    with mysql_store.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE record MODIFY item INT NOT NULL")
        connection.exec_driver_sql("SET GLOBAL sql_mode = ''")
    mysql_store.engine.dispose()
    try:
        rows = events((1, 2**40, "pv", T), (1, 5, "pv", T))
        (refusal,) = mysql_store.writer(EventBatch)(rows)
    finally:
        with mysql_store.engine.begin() as connection:
            connection.exec_driver_sql("SET GLOBAL sql_mode = DEFAULT")
    assert refusal.row["item"] == 2**40
    with mysql_store.engine.connect() as connection:
        assert list(connection.exec_driver_sql("SELECT item FROM record")) == [(5,)]


def test_a_missing_column_of_sqlite_is_named(tmp_path: Path) -> None:
    store = open_source(f"sqlite:///{tmp_path}/x.db").open()
    assert isinstance(store, SqlStore)
    with store.engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE event_minute (minute BIGINT PRIMARY KEY, pv INT)")
    with pytest.raises(SinkError, match="column cart of table event_minute is missing"):
        store.prepare()
    store.close()


def test_tables_of_rivulet_itself_fit(tmp_path: Path) -> None:
    store = open_source(f"sqlite:///{tmp_path}/x.db").open()
    assert isinstance(store, SqlStore)
    for _ in range(2):
        store.prepare()
    assert set(sa.inspect(store.engine).get_table_names()) == set(METADATA.tables)
    store.close()
