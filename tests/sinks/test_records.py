"""Events that stores give back, page by page, beside what was written."""

import random
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymongo import MongoClient

from deploy.servers.mongo import Mongo
from deploy.servers.redis import Redis
from sinks import open_source
from sinks.base import SinkError, Store
from sinks.mongo.collections import Collections
from sinks.mongo.records import read_records as read_mongo
from sinks.mongo.records import record_columns
from sinks.records import RecordColumns, as_table
from sinks.sql.records import read_records as read_sql
from sinks.sql.store import SqlStore
from tests.sinks.databases import make_database
from tests.sinks.frames import Event, events
from transforms.messages.events import BEHAVIORS, EventBatch
from transforms.messages.id_kinds import IdKinds

T = 1_500_000_000
SERVERS = [pytest.param(name, marks=pytest.mark.servers) for name in ("mysql", "postgres")]


def rows(tables: Iterator[pa.Table]) -> list[Event]:
    found: list[Event] = []
    for table in tables:
        found += zip(*(column.to_pylist() for column in table.columns), strict=True)
    return found


def some_events(seed: int, count: int = 60) -> list[Event]:
    """Few users and items, so that pages end within equal beginnings of keys."""
    rng = random.Random(seed)
    return [
        (rng.randrange(-3, 3), rng.randrange(3), rng.choice(BEHAVIORS), T + rng.randrange(9))
        for _ in range(count)
    ]


def opened(url: str) -> SqlStore:
    store = open_source(url).open()
    assert isinstance(store, SqlStore)
    return store


@pytest.mark.parametrize("kind", ["sqlite", *SERVERS])
@pytest.mark.parametrize("page", [7, 100_000])
def test_a_sql_store_gives_each_row_once_in_the_order_of_its_key(
    kind: str, page: int, request: pytest.FixtureRequest, tmp_path: Path, unique: str
) -> None:
    url = f"sqlite:///{tmp_path / 'x.db'}"
    if kind != "sqlite":
        url = make_database(request.getfixturevalue(kind), unique)
    written = some_events(page)
    store = opened(url)
    store.prepare()
    assert not store.writer(EventBatch)(events(*written))
    assert rows(read_sql(store.name, store.engine, page)) == sorted(set(written))
    store.close()


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=25
)
@given(
    written=st.lists(
        st.tuples(
            st.integers(-(2**63), 2**63 - 1) | st.integers(0, 2),
            st.integers(0, 2),
            st.sampled_from(BEHAVIORS),
            st.integers(0, 3),
        )
    ),
    page=st.integers(1, 9),
)
def test_whatever_the_keys_no_page_loses_or_repeats_a_row(
    tmp_path_factory: pytest.TempPathFactory, written: list[Event], page: int
) -> None:
    store = opened(f"sqlite:///{tmp_path_factory.mktemp('pages') / 'x.db'}")
    store.prepare()
    if written:
        assert not store.writer(EventBatch)(events(*written))
    assert rows(read_sql(store.name, store.engine, page)) == sorted(set(written))
    store.close()


@pytest.mark.servers
@pytest.mark.parametrize("page", [7, 100_000])
def test_mongodb_gives_each_document_once(mongo: Mongo, unique: str, page: int) -> None:
    written = some_events(page)
    store = open_source(mongo.url.replace("/rivulet", f"/{unique}")).open()
    store.prepare()
    assert not store.writer(EventBatch)(events(*written))
    with MongoClient(mongo.url) as client:
        database = Collections(client[unique])
        assert sorted(rows(read_mongo(store.name, database, page))) == sorted(set(written))
        # Another program's documents: what is no event is NULL.
        database["records"].drop()
        database["records"].insert_many([{"user": True, "item": 2.5, "behavior": 3}, {}])
        nothing = (None, None, None, None)
        assert rows(read_mongo(store.name, database, page)) == [nothing] * 2
        database["records"].insert_many([{"user": 1, "item": "a"}, {"user": 1, "item": 2}])
        with pytest.raises(SinkError, match="item of collection records is a number in some"):
            next(read_mongo(store.name, database, page))
        database["records"].delete_many({"item": {"$type": "number"}})
        kinds = record_columns(store.name, database)
        assert (kinds.ids, kinds.event_id) == (IdKinds("integer", "text"), False)
        client.drop_database(unique)
    store.close()


def test_values_that_are_no_events_are_null(tmp_path: Path) -> None:
    store = opened(f"sqlite:///{tmp_path / 'x.db'}")
    store.prepare()
    with store.engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO record VALUES ('ann', 2, 'pv', 3), (1, 2, 'x', 3.5)"
        )
    assert set(rows(store.read_records())) == {(None, 2, "pv", 3), (1, 2, "x", None)}
    store.close()


def test_what_keeps_no_records_is_said(tmp_path: Path) -> None:
    def problem(store: Store) -> str:
        with pytest.raises(SinkError) as caught:
            next(store.read_records())
        store.close()
        return str(caught.value)

    absent = opened(f"sqlite:///{tmp_path / 'absent.db'}")
    assert "there is no such file" in problem(absent)
    assert not (tmp_path / "absent.db").exists()
    empty = opened(f"sqlite:///{tmp_path / 'x.db'}")
    empty.engine.connect().close()
    assert "there is no table record" in problem(empty)


@pytest.mark.servers
def test_redis_keeps_no_records(redis_server: Redis) -> None:
    with pytest.raises(SinkError, match="keeps no events"):
        open_source(redis_server.url).open().read_records()
    with pytest.raises(SinkError, match="keeps no events"):
        open_source(redis_server.url).open().record_columns()


def test_columns_of_any_values() -> None:
    other = [1, Decimal(2), Decimal("2.5"), True, "3", 2.0, 2**63, -(2**63), None]
    whole = [1, 2, None, None, None, None, None, -(2**63), None]
    texts = ["pv", 3, b"x"]
    table = as_table([other[:3], [Decimal(7), Decimal(8), None], texts, [0, 1, 2]])
    assert table.to_pydict() == {
        "user": [1, 2, None], "item": [7, 8, None], "behavior": ["pv", None, None],
        "time": [0, 1, 2],
    }  # fmt: skip
    assert as_table([other, other, ["pv"] * 9, other])["user"].to_pylist() == whole
    kinds = RecordColumns(IdKinds("text", "integer"), event_id=True)
    table = as_table([["a", 1, None], [1, 2, 3], ["pv"] * 3, [0, 1, 2], [5, None, -6]], kinds)
    assert table["user"].to_pylist() == ["a", None, None]
    assert table["event_id"].to_pylist() == [5, 0, -6]
