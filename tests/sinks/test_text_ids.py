"""Ids that are text in real stores: as they came in, none taken for another, in any order."""

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pymongo
import pytest
import redis
import sqlalchemy as sa

from deploy.servers.mongo import Mongo
from deploy.servers.mysql import MySQL
from deploy.servers.postgres import Postgres
from sinks import open_source
from sinks.base import SinkError, Store, StoreLimits
from sinks.sql.source import make_engine
from tests.sinks import frames, oracles
from transforms.columns.id_names import IdNames
from transforms.columns.names import MAX_BYTES, keys_of
from transforms.messages.events import EventBatch
from transforms.messages.id_kinds import IdKinds
from transforms.messages.job import JobSettings
from transforms.messages.popular import PopularRows
from transforms.messages.recommendations import Recommendations

T = 1_500_000_000
TEXT = IdKinds("text", "text")
IDS = [
    "a", "A", "a ", " a", "ａ", "á", "a\u0301", "ß", "ss", "1", "01", "-1", "a/b", "a:b", "b:a",
    "$a", "a.b", "%", "a%b", "'", '"', "\\", "\\'", '","', "{}", "[]", "null", "😀", "\u200b",
    "\u2028", "x" * MAX_BYTES, "é" * (MAX_BYTES // 2), "same first 40 bytes ....................1",
    "same first 40 bytes ....................2",
]  # fmt: skip
"""Ids that a store, a driver or a format may take for something else."""


def keyed(rows: list[tuple[str, str, str, int]]) -> EventBatch:
    users, items = (keys_of(pa.array([row[at] for row in rows], pa.string())) for at in (0, 1))
    plain = frames.events(*((0, 0, behavior, time) for _, _, behavior, time in rows))
    whole = EventBatch(users.key, items.key, plain.behavior, plain.time)
    return whole.named(IdNames(users.names, items.names))


def random_rows(seed: int, users: list[str]) -> list[tuple[str, str, str, int]]:
    shuffle = random.Random(seed)
    return [
        (shuffle.choice(users), shuffle.choice(IDS), shuffle.choice(["pv", "buy"]),
         T + shuffle.randrange(40))
        for _ in range(600)
    ]  # fmt: skip


def lists(seed: int, users: list[str]) -> dict[tuple[str, int], list[str]]:
    shuffle = random.Random(seed)
    return {
        (user, T + 20 * step): shuffle.sample(IDS, shuffle.randrange(9))
        for user in users
        for step in range(3)
    }


def recommendations(wanted: dict[tuple[str, int], list[str]]) -> Recommendations:
    plain = frames.recommendations(
        *((0, time, [0] * len(items)) for (_, time), items in wanted.items())
    )
    users = keys_of(pa.array([user for user, _ in wanted], pa.string()))
    items = keys_of(pa.array([item for row in wanted.values() for item in row], pa.string()))
    matrix = np.zeros(plain.items.shape, np.int64)
    matrix[np.arange(8) < plain.length[:, None]] = items.key
    return plain.replaced(user=users.key, items=matrix).named(IdNames(users.names, items.names))


def ranking(end: int) -> PopularRows:
    items = keys_of(pa.array(IDS, pa.string()))
    plain = frames.ranking(end, *((0, len(IDS) - place) for place in range(len(IDS))))
    return plain.replaced(item=items.key).named(IdNames(None, items.names))


def deliver(store: Store, seed: int, users: list[str]) -> list[Any]:
    """All messages twice, the second time in pieces and in another order; gives the refusals."""
    shuffle = random.Random(seed)
    rows = random_rows(seed, users)
    events, shown = keyed(rows), recommendations(lists(seed, users))
    refused: list[Any] = []
    for times in range(2):
        pieces = (
            [shuffle.sample(range(len(rows)), len(rows))]
            if times
            else [range(300), range(200, 600)]
        )
        for piece in pieces:
            refused += store.writer(EventBatch)(events.take(np.array(piece)))
        refused += store.writer(PopularRows)(ranking(T))
        order = np.array(shuffle.sample(range(len(shown)), len(shown)))
        refused += store.writer(Recommendations)(shown.take(order))
    store.writer(JobSettings)(JobSettings(1, TEXT.settings()))
    return refused


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'store.db'}"


@pytest.fixture
def mysql_url(mysql: MySQL, unique: str) -> Iterator[str]:
    address = sa.engine.make_url(mysql.url)
    engine = sa.create_engine(address)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {unique} CHARACTER SET latin1")
    yield address.set(database=unique).render_as_string(hide_password=False)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"DROP DATABASE {unique}")


@pytest.fixture
def postgres_url(postgres: Postgres, unique: str) -> Iterator[str]:
    address = sa.engine.make_url(postgres.url)
    engine = sa.create_engine(address, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {unique}")
    yield address.set(database=unique).render_as_string(hide_password=False)
    with engine.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE {unique} WITH (FORCE)")


def check_sql(url: str) -> None:
    source = open_source(url).with_ids(TEXT)
    store = source.open()
    store.prepare()
    store.prepare()
    assert deliver(store, 1, IDS) == []
    with make_engine(url).connect() as connection:
        record = sa.Table("record", sa.MetaData(), autoload_with=connection)
        columns = [record.c[name] for name in ("user", "item", "behavior", "time")]
        found = [tuple(row) for row in connection.execute(sa.select(*columns))]
        assert sorted(found) == sorted(set(random_rows(1, IDS)))
        one = sa.select(record.c.item).where(record.c.user == "a").distinct()
        by_item = one.order_by(record.c.item)
        texts = [row[0] for row in connection.execute(by_item)]
        assert texts == sorted(
            {row[1] for row in random_rows(1, IDS) if row[0] == "a"}, key=str.encode
        )
        top = sa.Table("top", sa.MetaData(), autoload_with=connection)
        ranked = connection.execute(sa.select(top.c.item).order_by(top.c["rank"]))
        assert [row[0] for row in ranked] == IDS
        shown = sa.Table("recommendation", sa.MetaData(), autoload_with=connection)
        lines = connection.execute(
            sa.select(shown.c.user, shown.c.time, sa.type_coerce(shown.c["items"], sa.Text))
        )
        assert {
            (user, time): json.loads(items) if isinstance(items, str) else items
            for user, time, items in lines
        } == lists(1, IDS)
    # The same database refuses a job with ids of another kind.
    with pytest.raises(SinkError, match=r"text; this job's are integers|cannot hold all values"):
        open_source(url).open().prepare()
    store.close()


def test_sqlite(sqlite_url: str) -> None:
    check_sql(sqlite_url)


@pytest.mark.servers
def test_mysql(mysql_url: str) -> None:
    check_sql(mysql_url)


@pytest.mark.servers
def test_postgres(postgres_url: str) -> None:
    check_sql(postgres_url)


def test_a_table_of_integers_is_refused(sqlite_url: str) -> None:
    store = open_source(sqlite_url).open()
    store.prepare()
    store.close()
    with pytest.raises(
        SinkError, match="is BIGINT, for ids that are integers; this job's are text"
    ):
        open_source(sqlite_url).with_ids(TEXT).open().prepare()


@pytest.mark.servers
def test_a_mysql_table_that_takes_some_ids_for_one_is_refused(mysql_url: str) -> None:
    with make_engine(mysql_url).begin() as connection:
        connection.exec_driver_sql(
            "CREATE TABLE top (window_end BIGINT, `rank` BIGINT, "
            "item VARCHAR(256) CHARACTER SET utf8mb4, count BIGINT, "
            "PRIMARY KEY (window_end, `rank`))"
        )
    with pytest.raises(SinkError, match="column item of table top has the collation utf8mb4_"):
        open_source(mysql_url).with_ids(IdKinds(item="text")).open().prepare()


@pytest.mark.servers
def test_mongo(mongo: Mongo, unique: str) -> None:
    url = mongo.url.replace("/rivulet", f"/{unique}")
    store = open_source(url).with_ids(TEXT).open()
    store.prepare()
    assert deliver(store, 2, IDS) == []
    with pymongo.MongoClient(url) as client:
        database = client[unique]
        rows = set(random_rows(2, IDS))
        fields = ("user", "item", "behavior", "time")
        records = [tuple(d[f] for f in fields) for d in database["records"].find()]
        assert sorted(records) == sorted(rows)
        assert {
            d["_id"]: (d["consumed"], d["time"]) for d in database["userConsumed"].find()
        } == oracles.consumed(rows)
        (popular,) = database["popular"].find()
        assert [place["item"] for place in popular["items"]] == IDS
        assert {
            (d["user"], d["time"]): d["itemRec"] for d in database["recommendResults"].find()
        } == lists(2, IDS)
        with pytest.raises(SinkError, match="user of collection records has ids of another kind"):
            open_source(url).open().prepare()
        client.drop_database(unique)
    store.close()


@pytest.mark.servers
def test_a_full_document_of_texts_keeps_the_earliest(mongo: Mongo, unique: str) -> None:
    url = mongo.url.replace("/rivulet", f"/{unique}")
    store = open_source(url).limited(StoreLimits(consumed_max=5)).with_ids(TEXT).open()
    store.prepare()
    rows = [("u", item, "pv", T + place % 7) for place, item in enumerate(IDS)]
    for part in (rows[20:], rows[:20], rows):
        assert not store.writer(EventBatch)(keyed(part))
    with pymongo.MongoClient(url) as client:
        (document,) = client[unique]["userConsumed"].find()
        items, _ = oracles.consumed(rows)["u"]
        assert document["consumed"] == items[:5]
        client.drop_database(unique)
    store.close()


@pytest.mark.servers
def test_redis(redis_url: str) -> None:
    reserved = ["a:time", "x:events"]
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        store = open_source(redis_url).with_ids(TEXT).open()
        store.prepare()
        refused = deliver(store, 3, IDS + reserved)
        assert {one.row["user"] for one in refused} == set(reserved)
        assert len(store.writer(EventBatch)(keyed([("a:time", "x", "pv", T)]))) == 1
        assert all("ends in :events or :time" in one.why for one in refused)
        for user, items in oracles.history(random_rows(3, IDS + reserved)).items():
            if user not in reserved:
                # Of items of one second, those whose first bytes are equal are in any fixed order.
                found = client.lrange(f"history:{user}", 0, -1)
                assert [blurred(item) for item in found] == [blurred(item) for item in items]
        shown = lists(3, IDS + reserved)
        for user in IDS:
            assert client.lrange(f"recommendations:{user}", 0, -1) == shown[user, T + 40]
            assert client.get(f"recommendations:{user}:time") == str(T + 40)
        assert client.lrange("popular:items", 0, -1) == IDS
        assert client.hgetall("popular:counts") == {
            item: str(len(IDS) - place) for place, item in enumerate(IDS)
        }
        with pytest.raises(SinkError, match="users are text, items are text; of this job's ids"):
            open_source(redis_url).open().prepare()
        assert store.remove_future(T + 10, dry_run=False)["history"] > 0
    store.close()


def blurred(item: str) -> str:
    return item[:32]
