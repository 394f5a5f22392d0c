"""Stores that hold times of the future, before and after a repair."""

import copy
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import redis
import sqlalchemy as sa
from pymongo import MongoClient

from deploy.servers.mongo import Mongo
from pipelines import repair
from sinks import open_source
from sinks.base import Store
from tests.sinks.databases import make_database
from tests.sinks.frames import Event, events, ranking, recommendations, related
from transforms.messages.events import EventBatch
from transforms.messages.minutes import EventMinutes, PolicyMinutes
from transforms.messages.popular import PopularRows
from transforms.messages.recommendations import Recommendations
from transforms.messages.related import RelatedItems

NOW = int(time.time())
YEAR_2099 = 4_080_000_000
PAST: list[Event] = [(1, 5, "pv", NOW - 9), (2, 6, "buy", NOW - 8)]
FUTURE: list[Event] = [
    (1, 7, "pv", YEAR_2099),
    (1, 8, "pv", YEAR_2099 + 1),
    (3, 9, "pv", YEAR_2099),
]


def write_past(store: Store) -> None:
    store.prepare()
    store.writer(EventBatch)(events(*PAST))
    store.writer(PopularRows)(ranking(NOW, (5, 1)))
    store.writer(Recommendations)(recommendations((1, NOW, [3]), (2, NOW, [])))
    store.writer(RelatedItems)(related(NOW, (5, [(6, 1)])))


def write_future(store: Store) -> None:
    store.writer(EventBatch)(events(*FUTURE))
    store.writer(PopularRows)(ranking(YEAR_2099, (7, 2), (8, 1)))
    store.writer(Recommendations)(recommendations((1, YEAR_2099, [4]), (3, YEAR_2099, [5])))
    store.writer(RelatedItems)(related(YEAR_2099, (7, [(8, 1)]), (8, [(7, 1)])))


SERVERS = [pytest.param(name, marks=pytest.mark.servers) for name in ("mysql", "postgres")]


@pytest.fixture(params=["sqlite", *SERVERS])
def sql_url(request: pytest.FixtureRequest, tmp_path: Path, unique: str) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'x.db'}"
    return make_database(request.getfixturevalue(request.param), unique)


def sql_rows(url: str) -> dict[str, list[Any]]:
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    tables = sa.MetaData()
    tables.reflect(engine)
    with engine.connect() as connection:
        return {
            name: sorted(map(str, connection.execute(sa.select(table))))
            for name, table in tables.tables.items()
        }


def test_sql_rows_of_the_future_are_removed(
    sql_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    store = open_source(sql_url).open()
    write_past(store)
    one = np.ones(1, np.int64)
    minutes = PolicyMinutes(np.array([b"a"]), one * NOW, one, one, one.astype(float))
    store.writer(PolicyMinutes)(minutes)
    store.writer(EventMinutes)(EventMinutes(one * NOW, np.ones((1, 4), np.int64)))
    before = sql_rows(sql_url)
    write_future(store)
    later = PolicyMinutes(np.array([b"a"]), one * YEAR_2099, one, one, one.astype(float))
    store.writer(PolicyMinutes)(later)
    store.writer(EventMinutes)(EventMinutes(one * YEAR_2099, np.ones((1, 4), np.int64)))
    poisoned = sql_rows(sql_url)
    assert repair.main([f"--store={sql_url}", "--dry_run"]) == 0
    assert "would be removed" in capsys.readouterr().out
    assert sql_rows(sql_url) == poisoned
    assert repair.main([f"--store={sql_url}"]) == 0
    words = capsys.readouterr().out.split()
    counts = {"record": 3, "top": 2, "recommendation": 2, "policy_minute": 1, "event_minute": 1}
    counts["related"] = 2
    for name, count in counts.items():
        assert words[words.index(name) + 2] == str(count)
    assert sql_rows(sql_url) == before
    assert repair.main([f"--store={sql_url}"]) == 0
    assert "nothing" in capsys.readouterr().out
    store.close()


@pytest.fixture
def mongo_url(mongo: Mongo, unique: str) -> Iterator[str]:
    yield mongo.url.replace("/rivulet", f"/{unique}")
    with MongoClient(mongo.url) as client:
        client.drop_database(unique)


@pytest.mark.servers
def test_mongo_documents_of_the_future_are_removed(mongo_url: str) -> None:
    def documents() -> dict[str, Any]:
        with MongoClient(mongo_url) as client:
            database = client.get_default_database()
            names = ("records", "userConsumed", "popular", "related", "recommendResults")
            return {name: sorted(map(str, database[name].find())) for name in names}

    store = open_source(mongo_url).open()
    write_past(store)
    before = documents()
    write_future(store)
    poisoned = documents()
    counts = {"records": 3, "popular": 1, "related": 2, "recommendResults": 2, "userConsumed": 2}
    assert store.remove_future(NOW + 300, dry_run=True) == counts
    assert documents() == poisoned
    assert store.remove_future(NOW + 300, dry_run=False) == counts
    assert documents() == before
    assert set(store.remove_future(NOW + 300, dry_run=False).values()) == {0}
    store.close()


@pytest.mark.servers
def test_redis_keys_of_the_future_are_removed(redis_url: str) -> None:
    client = redis.Redis.from_url(redis_url)

    def keys() -> dict[bytes, Any]:
        found: dict[bytes, Any] = {}
        names = client.keys()
        for key in names:
            kind = client.type(key)
            if kind == b"list":
                found[key] = client.lrange(key, 0, -1)
            else:
                found[key] = client.hgetall(key) if kind == b"hash" else client.get(key)
        return found

    store = open_source(redis_url).open()
    write_past(store)
    before = copy.deepcopy(keys())
    write_future(store)
    client.rpush("recommendations:8", 1)  # Without its time.
    client.mset({"recommendations:9:time": "junk", "recommendations:6:time": "inf"})
    client.rpush("recommendations:9", 1, 2)
    poisoned = keys()
    counts = {"popular": 1, "recommendations": 5, "related": 2, "history": 2}
    assert store.remove_future(NOW + 300, dry_run=True) == counts
    assert keys() == poisoned
    assert store.remove_future(NOW + 300, dry_run=False) == counts
    # What values of the future have replaced is gone.
    gone = {b"popular:items", b"popular:counts", b"popular:window_end"}
    gone |= {b"recommendations:1", b"recommendations:1:time"}
    assert keys() == {key: value for key, value in before.items() if key not in gone}
    assert set(store.remove_future(NOW + 300, dry_run=False).values()) == {0}
    client.set("popular:window_end", "junk")
    assert store.remove_future(NOW + 300, dry_run=False)["popular"] == 1
    store.close()
    client.flushdb()
    client.close()


def test_a_store_that_fails_is_named_without_its_password_and_the_others_are_repaired(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = f"--store=sqlite:///{tmp_path}/x.db"
    bad = "--store=mysql+pymysql://u:s3cret@127.0.0.1:1/db"
    assert repair.main([bad, good]) == 1
    said = capsys.readouterr()
    assert "mysql+pymysql://u:***@127.0.0.1:1/db: OperationalError" in said.err
    assert said.err.count("\n") == 1
    assert "nothing" in said.out
    assert "s3cret" not in said.err + said.out


@pytest.mark.parametrize(
    ("flags", "problem"),
    [
        ([], "--store names the store"),
        (["--store=ftp://h"], "no store that Rivulet can write to"),
        (["--store=sqlite:///x.db", "--max_future=-1"], "max_future"),
    ],
)
def test_a_bad_option_is_one_line_and_status_2(
    flags: list[str], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        repair.main(flags)
    assert caught.value.code == 2
    said = capsys.readouterr().err
    assert problem in said
    assert said.count("\n") == 1
