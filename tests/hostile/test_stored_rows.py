"""Stores that hold times of the future, or rows that no job writes: the rest is still shown."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pymongo
import pytest
import redis
from starlette.testclient import TestClient

from deploy.servers.mongo import Mongo
from tests.serving.in_process import application
from tests.serving.tables import END, SETTINGS, fill, sample

Y2099 = 4_070_908_800
USERS = "/users/1/recommendations?outcomes=true"
PATHS = (
    "/popular",
    "/popular/windows",
    "/activity",
    "/policies",
    "/job",
    "/users",
    "/users/1/history",
    USERS,
)


def answers(client: TestClient, paths: tuple[str, ...] = PATHS) -> dict[str, Any]:
    """The answers without the store's name."""
    found = {}
    for path in paths:
        answer = client.get(path)
        assert answer.status_code == 200, (path, answer.text)
        found[path] = answer.json() | {"store": ""}
    return found


def test_sql_rows_of_the_future_are_not_shown(tmp_path: Path) -> None:
    rows = sample()
    future = replace(
        rows,
        record=[*rows.record, (1, 21, "buy", Y2099), (9, 21, "buy", Y2099)],
        top=[*rows.top, (Y2099, 1, 77, 1)],
        recommendation=[
            *rows.recommendation,
            (1, Y2099, [77], "reinforce-1", [1.0], 0),
            (9, Y2099, [77], "reinforce-1", [1.0], 0),
        ],
        policy_minute=[*rows.policy_minute, ("reinforce-1", Y2099, 1, 1, 1.0)],
        event_minute=[*rows.event_minute, (Y2099, 1, 0, 0, 0)],
        job_worker=[*rows.job_worker, (1000 * Y2099, "x", Y2099, {"read": 1})],
        job=[*rows.job, (1000 * Y2099, {"reward_window": 1})],
    )
    for name, content in (("right", rows), ("future", future)):
        fill(f"sqlite:///{tmp_path}/{name}.db", content)
    with application(f"sqlite:///{tmp_path}/right.db") as client:
        right = answers(client)
    with application(f"sqlite:///{tmp_path}/future.db") as client:
        assert answers(client) == right
        assert client.get(f"/popular?window_end={Y2099}").status_code == 404
        assert client.get("/users/9/history").status_code == 404


def test_malformed_sql_rows_are_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("right", "junk"):
        fill(f"sqlite:///{tmp_path}/{name}.db", sample())
    with sqlite3.connect(tmp_path / "junk.db") as database:
        for insert, row in (
            ("top VALUES (?, ?, ?, ?)", (END - 160, 1, "nothing", 1)),
            ("recommendation VALUES (?, ?, ?, ?, ?, ?)", (1, END - 70, "{", "a", "[1]", 0)),
            ("recommendation VALUES (?, ?, ?, ?, ?, ?)", (1, END - 71, "7", "a", "[1]", 0)),
            ("recommendation VALUES (?, ?, ?, ?, ?, ?)", (1, END - 72, '["x"]', "a", "[1]", 0)),
            ("recommendation VALUES (?, ?, ?, ?, ?, ?)", (1, END - 73, "[1]", "a", "null", "x")),
            ("record VALUES (?, ?, ?, ?)", (1, "item", "pv", END - 5)),
            ("policy_minute VALUES (?, ?, ?, ?, ?)", ("a", END - 60, "many", 1, 1.0)),
            ("event_minute VALUES (?, ?, ?, ?, ?)", (END - 180, 1, 2, 3, "four")),
            ("job_worker VALUES (?, ?, ?, ?)", (1_700_000_200_000, "x", 1.0, "[1")),
            ("job VALUES (?, ?)", (1_700_000_100_000, "}")),
        ):
            database.execute(f"INSERT INTO {insert}", row)
    database.close()
    with application(f"sqlite:///{tmp_path}/right.db") as client:
        right = answers(client)
    with application(f"sqlite:///{tmp_path}/junk.db") as client:
        assert answers(client) == right
        assert client.get("/health").json()["status"] == "ok"
    assert "malformed recommendation" in caplog.text


@pytest.fixture
def mongo_database(mongo: Mongo, unique: str) -> Iterator[tuple[str, Any]]:
    """A database with the sample's documents, and its URL."""
    url = f"{mongo.url.rpartition('/')[0]}/{unique}"
    rows = sample()
    with pymongo.MongoClient[dict[str, object]](url) as client:
        database = client.get_default_database()
        names = ("user", "item", "behavior", "time")
        database["records"].insert_many([dict(zip(names, row, strict=True)) for row in rows.record])
        for end in (END - 80, END):
            items = [{"item": row[2], "count": row[3]} for row in rows.top if row[0] == end]
            database["popular"].insert_one({"_id": end, "items": items})
        keys = ("user", "time", "itemRec", "policy", "propensities", "lastReward")
        for row in reversed(rows.recommendation):
            database["recommendResults"].insert_one(dict(zip(keys, row, strict=True)))
        database["jobs"].insert_one({"_id": 1_700_000_200_000, "settings": SETTINGS})
        yield url, database


MONGO_PATHS = ("/popular", "/popular/windows", "/users", "/users/1/history", USERS)


@pytest.mark.servers
def test_mongodb_documents_of_the_future_and_malformed_ones_are_left_out(
    mongo_database: tuple[str, Any],
) -> None:
    url, database = mongo_database
    with application(url) as client:
        right = answers(client, MONGO_PATHS)
    future = {"user": 1, "time": Y2099}
    database["popular"].insert_many(
        [{"_id": Y2099, "items": [{"item": 77, "count": 1}]}, {"_id": "x"}, {"_id": END - 160}]
    )
    database["records"].insert_many(
        [
            future | {"item": 77, "behavior": "pv"},
            {"user": 1, "item": 77, "behavior": "pv", "time": "now"},
            {"user": 1, "item": "a", "behavior": "pv", "time": END - 5},
        ]
    )
    database["recommendResults"].insert_many(
        [
            future | {"itemRec": [77], "policy": "a", "propensities": [1.0], "lastReward": 0},
            {"user": 1, "time": END - 70, "itemRec": "many"},
            {"user": 1, "time": END - 71},
            {"user": "x", "time": END - 72, "itemRec": [1]},
        ]
    )
    database["jobs"].insert_many(
        [{"_id": 1000 * Y2099, "settings": {"reward_window": 1}}, {"_id": 5, "settings": 5}]
    )
    with application(url) as client:
        assert answers(client, MONGO_PATHS) == right
        assert client.get("/health").json()["status"] == "ok"


@pytest.fixture
def redis_rows(redis_url: str) -> Iterator[tuple[str, Any]]:
    """A database with a list, a ranking and a history, and its URL."""
    client = redis.Redis.from_url(redis_url)
    client.rpush("popular:items", 11, 12, 13)
    client.hset("popular:counts", mapping={"11": 10, "12": 9, "13": 4})
    client.set("popular:window_end", END)
    client.rpush("recommendations:1", 21, 22)
    client.set("recommendations:1:time", END)
    client.rpush("history:1", 24, 23, 21)
    client.set("job:settings", json.dumps({"run": 1_700_000_200_000, "settings": SETTINGS}))
    yield redis_url, client
    client.close()


REDIS_PATHS = ("/popular", "/users", "/users/1/history", "/users/1/recommendations")


@pytest.mark.servers
def test_malformed_redis_keys_are_left_out(redis_rows: tuple[str, Any]) -> None:
    url, database = redis_rows
    with application(url) as client:
        right = answers(client, REDIS_PATHS)
        database.set("recommendations:x:time", END)
        database.set("recommendations:99999999999999999999:time", END)
        database.rpush("recommendations:2", 1, 2)
        database.set("history:2", "no list")
        database.rpush("recommendations:3", 1)
        database.set("recommendations:3:time", "yesterday")
        database.set("recommendations:4", "no list")
        database.set("recommendations:4:time", END)
        database.rpush("history:1", "x")
        assert answers(client, REDIS_PATHS) | {"/users": 0} == right | {"/users": 0}
        assert set(client.get("/users").json()["users"]) <= {1, 3, 4}
        for user in (2, 3, 4):
            assert client.get(f"/users/{user}/recommendations").status_code == 404
        assert client.get("/users/2/history").status_code == 404
        for end in ("not a number", "9" * 30, "1e9", str(Y2099)):
            database.set("popular:window_end", end)
            assert client.get("/popular").status_code == 404
        database.delete("popular:window_end")
        database.rpush("popular:window_end", 1)
        assert client.get("/popular").status_code == 404
        database.delete("popular:items", "popular:window_end")
        database.set("popular:window_end", END)
        database.set("popular:items", "no list")
        assert client.get("/popular").json()["items"] == []
        assert client.get("/health").json()["status"] == "ok"


@pytest.mark.servers
def test_a_redis_list_of_the_future_is_not_shown(redis_rows: tuple[str, Any]) -> None:
    url, database = redis_rows
    database.set("recommendations:1:time", Y2099)
    with application(url) as client:
        assert client.get("/users/1/recommendations").status_code == 404
