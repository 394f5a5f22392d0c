"""The Redis store, against a real server."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deploy.servers.redis import Redis
from sinks import open_source
from sinks.redis.lists import WrittenLists
from sinks.redis.store import RedisStore
from tests.sinks import oracles
from tests.sinks.deliveries import deliveries
from tests.sinks.frames import Event, events, ranking, recommendations
from tests.sinks.outage import ITEMS, USERS, write_through_an_outage
from transforms.messages.events import EventBatch
from transforms.messages.popular import PopularRows
from transforms.messages.recommendations import Recommendations

pytestmark = pytest.mark.servers

T = 1_500_000_000


def open_store(url: str) -> RedisStore:
    store = open_source(url).open()
    assert isinstance(store, RedisStore)
    store.prepare()
    return store


@pytest.fixture
def store(redis_url: str) -> Iterator[RedisStore]:
    store = open_store(redis_url)
    yield store
    store.close()


def items(client: redis.Redis, key: str) -> list[int]:
    return [int(text) for text in client.lrange(key, 0, -1)]


def test_history_is_the_last_ten_events_newest_first(store: RedisStore) -> None:
    write = store.writer(EventBatch)
    rows: list[Event] = [(1, i, "pv", T + i) for i in range(12)]
    assert not write(events(*rows, (2, 5, "pv", T)))
    assert items(store.client, "history:1") == list(range(11, 1, -1))
    assert items(store.client, "history:2") == [5]
    write(events(*rows[:3]))
    assert items(store.client, "history:1") == list(range(11, 1, -1))


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(frames=deliveries())
def test_history_is_the_same_however_events_arrive(
    store: RedisStore, frames: list[list[Event]]
) -> None:
    store.client.flushdb()
    write = store.writer(EventBatch)
    for frame in frames:
        assert not write(events(*frame))
    rows = [row for frame in frames for row in frame]
    expected = oracles.history(rows)
    assert {u: items(store.client, f"history:{u}") for u in expected} == expected


def test_a_ranking_is_replaced_together_and_never_by_an_older_one(store: RedisStore) -> None:
    write = store.writer(PopularRows)
    write(ranking(T, (7, 3), (8, 2)))
    write(ranking(T + 80, (9, 4)))
    for old in (ranking(T, (7, 3)), ranking(T + 80, (9, 4))):
        write(old)
        assert items(store.client, "popular:items") == [9]
        assert store.client.hgetall("popular:counts") == {b"9": b"4"}
        assert store.client.get("popular:window_end") == str(T + 80).encode()


def test_a_recommendation_is_never_replaced_by_an_older_one(store: RedisStore) -> None:
    write = store.writer(Recommendations)
    write(recommendations((1, T + 20, [4, 2**62]), (1, T, [3]), (2, T, [])))
    write(recommendations((1, T, [3])))
    assert items(store.client, "recommendations:1") == [4, 2**62]
    assert store.client.get("recommendations:1:time") == str(T + 20).encode()
    assert store.client.get("recommendations:2:time") == str(T).encode()
    write(recommendations((1, T + 40, [])))
    assert items(store.client, "recommendations:1") == []


def commands(client: redis.Redis) -> int:
    """How many lists were written to since the server's start."""
    return int(client.info("commandstats").get("cmdstat_rpush", {}).get("calls", 0))


def test_a_list_that_is_there_already_is_not_sent_again(store: RedisStore) -> None:
    write = store.writer(Recommendations)
    write(recommendations((1, T, [4, 5]), (2, T, [4, 5]), (3, T, [])))
    before = commands(store.client)
    write(recommendations((1, T + 20, [4, 5]), (2, T + 20, [5, 4]), (3, T + 20, [])))
    assert commands(store.client) == before + 1
    assert items(store.client, "recommendations:1") == [4, 5]
    assert items(store.client, "recommendations:2") == [5, 4]
    for user in (1, 2, 3):
        assert store.client.get(f"recommendations:{user}:time") == str(T + 20).encode()


@pytest.mark.parametrize("gone", ["list", "time", "both", "newer"])
def test_a_list_that_is_not_there_any_more_is_sent_again(store: RedisStore, gone: str) -> None:
    write = store.writer(Recommendations)
    write(recommendations((1, T, [4, 5]), (2, T, [6])))
    key = "recommendations:1"
    if gone == "newer":  # Another process wrote it.
        other = open_store(store.name)
        other.writer(Recommendations)(recommendations((1, T + 20, [9])))
        other.close()
    else:
        names = {"list": [key], "time": [f"{key}:time"], "both": [key, f"{key}:time"]}
        store.client.delete(*names[gone])
    write(recommendations((1, T + 40, [4, 5]), (2, T + 40, [6])))
    assert items(store.client, key) == [4, 5]
    assert items(store.client, "recommendations:2") == [6]


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    frames=st.lists(
        st.lists(st.tuples(st.integers(1, 4), st.integers(0, 3)), min_size=1, unique=True)
    )
)
def test_recommendations_are_the_latest_however_they_arrive(
    store: RedisStore, frames: list[list[tuple[int, int]]]
) -> None:
    store.client.flushdb()
    store._written = WrittenLists(slots=2)
    latest: dict[int, tuple[int, list[int]]] = {}
    for frame in frames:
        # A user's list is the same at T's 0 and 1, and at 2 and 3.
        rows = [(user, T + t, [user, t // 2]) for user, t in frame]
        assert not store.writer(Recommendations)(recommendations(*rows))
        for user, moment, listed in rows:
            latest[user] = max(latest.get(user, (0, [])), (moment, listed))
    for user, (moment, listed) in latest.items():
        assert items(store.client, f"recommendations:{user}") == listed
        assert store.client.get(f"recommendations:{user}:time") == str(moment).encode()


def test_a_key_of_another_type_is_refused_alone(store: RedisStore) -> None:
    store.client.set("history:13", "x")
    store.client.set("recommendations:13", "x")
    store.client.set("popular:items", "x")
    rows: list[Event] = [(u, 5, "pv", T) for u in (12, 13, 14)]
    (refusal,) = store.writer(EventBatch)(events(*rows))
    assert (refusal.table, refusal.row["user"], refusal.time) == ("history:13", 13, T)
    (refusal,) = store.writer(Recommendations)(recommendations(*((u, T, [1]) for u in (12, 13))))
    assert refusal.row == {"user": 13, "recommendations": [str(T), "1"]}
    (refusal,) = store.writer(Recommendations)(recommendations((13, T, [])))
    assert refusal.row == {"user": 13, "recommendations": [str(T)]}
    assert items(store.client, "history:12") == items(store.client, "history:14") == [5]
    assert items(store.client, "recommendations:12") == [1]
    (refusal,) = store.writer(PopularRows)(ranking(T, (1, 1)))
    assert "WRONGTYPE" in refusal.why
    assert store.client.get("history:13") == b"x"


def test_what_stands_beside_a_list_may_be_of_another_type_too(store: RedisStore) -> None:
    store.client.rpush("history:13:events", "x")
    store.client.rpush("recommendations:13:time", "x")
    rows: list[Event] = [(u, 5, "pv", T) for u in (12, 13)]
    (refusal,) = store.writer(EventBatch)(events(*rows))
    assert refusal.row["user"] == 13
    (refusal,) = store.writer(Recommendations)(recommendations(*((u, T, [1]) for u in (13, 14))))
    assert refusal.row["user"] == 13
    assert items(store.client, "recommendations:14") == [1]
    assert store.client.lrange("history:13:events", 0, -1) == [b"x"]
    assert not store.client.exists("history:13", "recommendations:13")


@pytest.mark.parametrize("again", [[7, 8, 9], [9, 10, 11]], ids=["again", "newer"])
def test_a_list_that_somebody_changed_is_begun_anew(store: RedisStore, again: list[int]) -> None:
    write = store.writer(EventBatch)
    write(events(*((1, i, "pv", T + i) for i in range(10))))
    store.client.delete("history:1")
    write(events(*((1, i, "pv", T + i) for i in again)))
    assert items(store.client, "history:1") == again[::-1]
    write(events((1, 3, "pv", T + 3), (1, 20, "pv", T + 20)))
    assert items(store.client, "history:1") == [20, *again[::-1], 3]


def test_scripts_that_the_server_forgot_are_sent_again(store: RedisStore) -> None:
    write = store.writer(EventBatch)
    write(events((1, 1, "pv", T)))
    store.client.script_flush()
    write(events((1, 2, "pv", T + 1)))
    assert items(store.client, "history:1") == [2, 1]


def test_an_outage_loses_and_repeats_nothing(tmp_path: Path) -> None:
    with Redis(tmp_path, options=("--appendfsync", "always")) as server:
        store = open_store(server.url)
        write_through_an_outage(store, server)
        for user in range(USERS):
            assert items(store.client, f"history:{user}") == list(range(ITEMS - 1, ITEMS - 11, -1))
        store.close()
