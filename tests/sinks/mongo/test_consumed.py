"""`userConsumed` of users with many items: bounded in size and time."""

import random
import threading
import time
from collections.abc import Iterator
from typing import Any

import bson
import pytest
from hypothesis import HealthCheck, given, settings

from deploy.servers.mongo import Mongo
from sinks import open_source
from sinks.base import StoreLimits
from sinks.mongo import consumed_writer
from sinks.mongo.consumed_writer import SERVER_LIMITS
from sinks.mongo.store import MongoStore
from tests.sinks import oracles
from tests.sinks.deliveries import deliveries
from tests.sinks.frames import Event, events
from transforms.messages.events import EventBatch

pytestmark = pytest.mark.servers

T = 1_500_000_000
Consumed = dict[int, tuple[list[int], list[int]]]


def open_store(url: str, most: int) -> MongoStore:
    store = open_source(url).limited(StoreLimits(consumed_max=most)).open()
    assert isinstance(store, MongoStore)
    store.prepare()
    return store


@pytest.fixture(params=[1, 3, 6, 100])
def store(request: pytest.FixtureRequest, mongo: Mongo, unique: str) -> Iterator[MongoStore]:
    store = open_store(mongo.url.replace("/rivulet", f"/{unique}"), request.param)
    yield store
    store.database.client.drop_database(unique)
    store.close()


def found(store: MongoStore) -> Consumed:
    rows = store.database["userConsumed"].find()
    return {row["user"]: (row["consumed"], row["time"]) for row in rows}


def earliest(rows: list[Event], most: int) -> Consumed:
    wanted = oracles.consumed(rows)
    return {user: (items[:most], times[:most]) for user, (items, times) in wanted.items()}


@pytest.mark.parametrize("limits", [(), ((1, 4),), ((2, 8), (4, 2)), SERVER_LIMITS])
@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(frames=deliveries())
def test_the_earliest_items_are_kept_however_events_arrive(
    store: MongoStore, limits: Any, frames: list[list[Event]]
) -> None:
    store.database["userConsumed"].delete_many({})
    write = store.writer(EventBatch)
    most = store._consumed._most
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(consumed_writer, "SERVER_LIMITS", limits)
        for frame in frames:
            assert not write(events(*frame))
    assert found(store) == earliest([row for frame in frames for row in frame], most)


@pytest.mark.parametrize("limits", [(), ((2, 8),)])
def test_workers_that_merge_large_documents_at_once_lose_nothing(
    mongo: Mongo, unique: str, limits: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumed_writer, "SERVER_LIMITS", limits)
    rng = random.Random(1)
    rows: list[Event] = [
        (rng.randrange(3), rng.randrange(90), "pv", T + at + rng.randrange(20)) for at in range(600)
    ]
    frames = [rows[start : start + 6] for start in range(0, len(rows), 6)]
    url = mongo.url.replace("/rivulet", f"/{unique}")
    stores = [open_store(url, 60) for _ in range(3)]
    failures: list[BaseException] = []

    def write(store: MongoStore, mine: list[list[Event]]) -> None:
        try:
            for frame in mine:
                assert not store.writer(EventBatch)(events(*frame))
        except BaseException as error:
            failures.append(error)

    threads = [
        threading.Thread(target=write, args=(store, frames[place::3] + frames[place::7]))
        for place, store in enumerate(stores)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert found(stores[0]) == earliest(rows, 60)
    stores[0].database.client.drop_database(unique)
    for store in stores:
        store.close()


@pytest.mark.parametrize("known", [0, 1, 3])
@pytest.mark.parametrize("others", [1, 30])
def test_what_another_worker_writes_since_the_look_at_a_document_is_kept(
    mongo: Mongo, unique: str, known: int, others: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumed_writer, "SERVER_LIMITS", ((2, 8),))
    url = mongo.url.replace("/rivulet", f"/{unique}")
    store, other = open_store(url, 100), open_store(url, 100)
    rows: list[Event] = [(user, item, "pv", T + item) for user in (1, 2) for item in range(known)]
    if rows:
        store.writer(EventBatch)(events(*rows))
    theirs: list[Event] = [(1, 50 + item, "pv", T + 50 + item) for item in range(others)]
    mine: list[Event] = [(user, 7, "pv", T + 7) for user in (1, 2, 3)]
    look = store._consumed._groups

    def look_then_wait(users: Any) -> Any:
        answer = look(users)
        assert not other.writer(EventBatch)(events(*theirs))
        return answer

    monkeypatch.setattr(store._consumed, "_groups", look_then_wait)
    assert not store.writer(EventBatch)(events(*mine))
    assert found(store) == oracles.consumed(rows + theirs + mine)
    store.database.client.drop_database(unique)
    store.close()
    other.close()


def bot(items: int) -> dict[str, Any]:
    times = list(range(T - items, T))
    return {"_id": 1, "user": 1, "consumed": list(range(items)), "time": times}


def test_a_robot_with_50000_items_holds_nobody_up(mongo: Mongo, unique: str) -> None:
    store = open_store(mongo.url.replace("/rivulet", f"/{unique}"), 100_000)
    consumed = store.database["userConsumed"]
    consumed.insert_one(bot(50_000))
    rows: list[Event] = [(1, 47_500 + at, "pv", T + at) for at in range(5_000)]
    rows += [(user, 5, "pv", T) for user in range(2, 202)]
    begun = time.monotonic()
    assert not store.writer(EventBatch)(events(*rows))
    # It is under a second here; 5,000 x 50,000 comparisons on the server are two minutes.
    assert time.monotonic() - begun < 60
    assert consumed.count_documents({"consumed": [5], "time": [T]}) == 200
    row = consumed.find_one({"_id": 1}) or {}
    assert row["consumed"] == list(range(52_500))
    assert row["time"] == [*range(T - 50_000, T), *range(T + 2_500, T + 5_000)]
    store.database.client.drop_database(unique)
    store.close()


def test_a_full_document_stays_and_fits(mongo: Mongo, unique: str) -> None:
    most = StoreLimits().consumed_max
    store = open_store(mongo.url.replace("/rivulet", f"/{unique}"), most)
    consumed = store.database["userConsumed"]
    full = bot(most)
    full["consumed"] = [2**62 + item for item in full["consumed"]]
    assert len(bson.encode(full)) < 16 * 1024 * 1024
    consumed.insert_one(full)
    write = store.writer(EventBatch)
    begun = time.monotonic()
    for at in range(5):
        later: list[Event] = [
            (1, item, "pv", T + at) for item in range(1_000 * at, 1_000 * at + 999)
        ]
        assert not write(events(*later, (2, at, "pv", T + at)))
    assert time.monotonic() - begun < 60
    assert consumed.find_one({"_id": 1}) == full
    assert found(store)[2] == ([0, 1, 2, 3, 4], [T, T + 1, T + 2, T + 3, T + 4])
    assert not write(events((1, 77, "pv", T - most - 1)))
    row = consumed.find_one({"_id": 1}) or {}
    assert row["consumed"] == [77, *full["consumed"][:-1]]
    assert row["time"] == [T - most - 1, *full["time"][:-1]]
    store.database.client.drop_database(unique)
    store.close()


def test_a_large_document_of_another_kind_is_refused_alone(mongo: Mongo, unique: str) -> None:
    store = open_store(mongo.url.replace("/rivulet", f"/{unique}"), 10)
    consumed = store.database["userConsumed"]
    consumed.insert_one({"_id": 1, "user": 1, "consumed": "none", "time": []})
    rows: list[Event] = [(user, item, "pv", T + item) for user in (1, 2) for item in range(50)]
    for _ in range(2):
        (refusal,) = store.writer(EventBatch)(events(*rows))
        assert (refusal.table, refusal.row["user"], len(refusal.row["consumed"])) == (
            "userConsumed", 1, 10,
        )  # fmt: skip
        assert refusal.why == "consumed and time must be arrays"
    assert (consumed.find_one({"_id": 2}) or {})["consumed"] == list(range(10))
    store.database.client.drop_database(unique)
    store.close()
