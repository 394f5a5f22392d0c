"""The MongoDB store, against a real mongod."""

import random
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bson
import pytest
from hypothesis import HealthCheck, given, settings
from pymongo.database import Database

from deploy.servers.mongo import Mongo
from sinks import open_source
from sinks.mongo.store import MongoStore
from tests.sinks import oracles
from tests.sinks.deliveries import deliveries
from tests.sinks.frames import Event, events, ranking, recommendations
from tests.sinks.outage import ITEMS, USERS, write_through_an_outage
from transforms.messages.events import EventBatch
from transforms.messages.popular import PopularRows
from transforms.messages.recommendations import Recommendations

pytestmark = pytest.mark.servers

T = 1_500_000_000
LARGEST = 16 * 1024 * 1024
"""Bytes that a document of MongoDB may have."""
ROWS: list[Event] = [(1, 5, "pv", T + 3), (1, 4, "buy", T + 1), (1, 5, "pv", T), (2, 9, "fav", T)]


def open_store(url: str) -> MongoStore:
    store = open_source(url).open()
    assert isinstance(store, MongoStore)
    store.prepare()
    return store


@pytest.fixture
def store(mongo: Mongo, unique: str) -> Iterator[MongoStore]:
    store = open_store(mongo.url.replace("/rivulet", f"/{unique}"))
    yield store
    store.database.client.drop_database(unique)
    store.close()


def found(database: Database[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    rows = [{k: v for k, v in row.items() if k != "_id"} for row in database[name].find()]
    return sorted(rows, key=str)


def test_a_reader_of_the_old_collections_finds_the_fields_it_knew(store: MongoStore) -> None:
    store.prepare()
    assert not store.writer(EventBatch)(events(*ROWS))
    assert not store.writer(PopularRows)(ranking(T, (7, 3), (8, 2)))
    assert not store.writer(Recommendations)(recommendations((1, T, [3, 2])))
    names = ("user", "item", "behavior", "time")
    rows = [dict(zip(names, row, strict=True)) for row in ROWS]
    assert found(store.database, "records") == sorted(rows, key=str)
    assert store.database["userConsumed"].find_one({"_id": 1}) == {
        "_id": 1, "user": 1, "consumed": [5, 4], "time": [T, T + 1],
    }  # fmt: skip
    assert list(store.database["popular"].find()) == [
        {"_id": T, "items": [{"item": 7, "count": 3}, {"item": 8, "count": 2}]}
    ]
    assert found(store.database, "recommendResults") == [
        {"user": 1, "time": T, "itemRec": [3, 2], "policy": "popular", "propensities": [1.0, 1.0],
         "lastReward": -1}
    ]  # fmt: skip


def test_writing_again_changes_nothing(store: MongoStore) -> None:
    frames = events(*ROWS), ranking(T, (7, 3)), recommendations((1, T, [3]), (2, T, []))
    names = ("records", "userConsumed", "popular", "recommendResults")
    seen = []
    for _ in range(2):
        for frame in frames:
            assert not store.writer(type(frame))(frame)
        seen.append([found(store.database, name) for name in names])
    assert seen[0] == seen[1]


def test_a_recommendation_is_replaced(store: MongoStore) -> None:
    write = store.writer(Recommendations)
    write(recommendations((1, T, [3])))
    write(recommendations((1, T, [4]), (1, T + 20, [5]), policy="b"))
    rows = found(store.database, "recommendResults")
    assert [(r["time"], r["itemRec"], r["policy"]) for r in rows] == [
        (T, [4], "b"), (T + 20, [5], "b"),
    ]  # fmt: skip


def test_one_poison_row_is_refused_and_its_neighbours_are_written(store: MongoStore) -> None:
    store.database.create_collection("userConsumed")
    for name in ("records", "userConsumed", "recommendResults"):
        store.database.command("collMod", name, validator={"user": {"$ne": 13}})
    refusals = store.writer(EventBatch)(events(*ROWS, (13, 1, "pv", T + 5)))
    assert sorted((r.table, r.row["user"], r.time) for r in refusals) == [
        ("records", 13, T + 5), ("userConsumed", 13, T + 5),
    ]  # fmt: skip
    assert "validation" in refusals[0].why
    assert len(found(store.database, "records")) == len(ROWS)
    assert len(found(store.database, "userConsumed")) == 2
    poison = recommendations((1, T, [3]), (13, T, [3]), (2, T, [3]))
    for _ in range(2):
        (refusal,) = store.writer(Recommendations)(poison)
        assert (refusal.row["user"], refusal.row["itemRec"]) == (13, [3])
        assert len(found(store.database, "recommendResults")) == 2


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(frames=deliveries())
def test_consumption_is_the_same_however_events_arrive(
    store: MongoStore, frames: list[list[Event]]
) -> None:
    store.database["userConsumed"].delete_many({})
    store.database["records"].delete_many({})
    write = store.writer(EventBatch)
    for frame in frames:
        assert not write(events(*frame))
    rows = [row for frame in frames for row in frame]
    assert {
        r["user"]: (r["consumed"], r["time"]) for r in store.database["userConsumed"].find()
    } == oracles.consumed(rows)
    assert store.database["records"].count_documents({}) == len(set(rows))


def test_two_that_write_the_same_users_at_once_end_in_the_same_documents(
    store: MongoStore, mongo: Mongo, unique: str
) -> None:
    rng = random.Random(1)
    rows: list[Event] = [
        (rng.randrange(3), rng.randrange(60), "pv", T + at + rng.randrange(20)) for at in range(600)
    ]
    frames = [rows[start : start + 6] for start in range(0, len(rows), 6)]
    other = open_store(mongo.url.replace("/rivulet", f"/{unique}"))

    def write(store: MongoStore, mine: list[list[Event]]) -> None:
        for frame in mine:
            assert not store.writer(EventBatch)(events(*frame))

    threads = [
        threading.Thread(target=write, args=(mine, frames[place::2] + frames[place::7]))
        for place, mine in enumerate((store, other))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other.close()
    assert {
        r["user"]: (r["consumed"], r["time"]) for r in store.database["userConsumed"].find()
    } == oracles.consumed(rows)


@pytest.mark.parametrize(
    "there",
    [
        {"user": 1},
        {"user": 1, "consumed": [5, 6], "time": [T]},
        {"consumed": [], "time": []},
    ],
)
def test_a_document_that_somebody_has_broken_is_mended(
    store: MongoStore, there: dict[str, Any]
) -> None:
    consumed = store.database["userConsumed"]
    consumed.insert_one({"_id": 1, **there, "mine": 3})
    for _ in range(2):
        assert not store.writer(EventBatch)(events((1, 7, "pv", T + 3), (1, 8, "pv", T + 1)))
    found = consumed.find_one({"_id": 1}) or {}
    assert found.pop("mine") == 3
    known = [5] if there.get("consumed") else []
    assert found == {
        "_id": 1, "user": 1, "consumed": [*known, 8, 7], "time": [T] * len(known) + [T + 1, T + 3],
    }  # fmt: skip


def test_a_document_of_another_kind_is_refused_alone(store: MongoStore) -> None:
    consumed = store.database["userConsumed"]
    consumed.insert_one({"_id": 2, "user": 2, "consumed": "none", "time": []})
    rows: list[Event] = [(user, 5, "pv", T) for user in (1, 2, 3)]
    for _ in range(2):
        refusals = store.writer(EventBatch)(events(*rows))
        assert [(r.table, r.row["user"]) for r in refusals] == [("userConsumed", 2)]
        assert [r["_id"] for r in consumed.find({"consumed": [5]}).sort("_id")] == [1, 3]


def test_a_document_that_can_take_no_more_is_refused_alone(store: MongoStore) -> None:
    users = range(1, 251)
    write = store.writer(EventBatch)
    assert not write(events(*((user, 5, "pv", T) for user in users)))
    consumed = store.database["userConsumed"]
    full = {"_id": 120, "user": 120, "consumed": [5], "time": [T], "pad": ""}
    full["pad"] = "x" * (LARGEST - len(bson.encode(full)))
    consumed.replace_one({"_id": 120}, full)
    refusals = write(events(*((user, 6, "pv", T + 1) for user in users)))
    assert [(r.table, r.row["user"]) for r in refusals] == [("userConsumed", 120)]
    others = consumed.find({"_id": {"$ne": 120}}, {"_id": False})
    assert sorted(others, key=lambda r: int(r["user"])) == [
        {"user": user, "consumed": [5, 6], "time": [T, T + 1]} for user in users if user != 120
    ]


def test_an_outage_loses_and_repeats_nothing(tmp_path: Path) -> None:
    with Mongo(tmp_path) as server:
        store = open_store(server.url)
        write_through_an_outage(store, server)
        assert store.database["records"].count_documents({}) == USERS * ITEMS
        for row in store.database["userConsumed"].find():
            assert row["consumed"] == list(range(ITEMS))
        store.close()
