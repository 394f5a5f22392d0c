"""Values from the future, and junk, in Redis: valid values replace them."""

import time
from collections.abc import Iterator

import pytest
import redis

from sinks import open_source
from sinks.base import StoreLimits
from sinks.redis.store import RedisStore
from tests.sinks.frames import events, ranking, recommendations
from transforms.messages.events import EventBatch
from transforms.messages.popular import PopularRows
from transforms.messages.recommendations import Recommendations

pytestmark = pytest.mark.servers

MAX_FUTURE = 86_400
YEAR_2099 = 4_080_000_000


@pytest.fixture
def store(redis_url: str) -> Iterator[RedisStore]:
    source = open_source(redis_url)
    store = source.limited(StoreLimits(max_future=MAX_FUTURE)).open()
    assert isinstance(store, RedisStore)
    yield store
    store.close()


def items(client: redis.Redis, key: str) -> list[int]:
    return [int(text) for text in client.lrange(key, 0, -1)]


def text(store: RedisStore, key: str) -> str:
    value = store.client.get(key)
    assert isinstance(value, bytes)
    return value.decode()


@pytest.mark.parametrize("there", [str(YEAR_2099), "junk", "", "inf", "nan", "-", "1e300"])
def test_a_ranking_replaces_one_from_the_future_or_of_no_time(
    store: RedisStore, there: str
) -> None:
    now = int(time.time())
    store.writer(PopularRows)(ranking(YEAR_2099, (66, 6)))
    assert items(store.client, "popular:items") == [66]
    store.client.set("popular:window_end", there)
    for end in (now, now - 80):
        assert not store.writer(PopularRows)(ranking(end, (7, 3)))
        assert items(store.client, "popular:items") == [7]
        assert store.client.hgetall("popular:counts") == {b"7": b"3"}
        assert text(store, "popular:window_end") == str(now)


@pytest.mark.parametrize("there", [str(YEAR_2099), "junk", "", "inf", None])
def test_a_list_replaces_one_from_the_future_or_of_no_time(
    store: RedisStore, there: str | None
) -> None:
    now = int(time.time())
    write = store.writer(Recommendations)
    assert not write(recommendations((1, YEAR_2099, [66, 67]), (2, now, [4])))
    if there is None:
        store.client.delete("recommendations:1:time")
    else:
        store.client.set("recommendations:1:time", there)
    assert not write(recommendations((1, now, [3]), (2, now + 20, [4])))
    assert not write(recommendations((1, now - 20, [9])))
    assert items(store.client, "recommendations:1") == [3]
    assert text(store, "recommendations:1:time") == str(now)
    assert items(store.client, "recommendations:2") == [4]


def test_the_same_list_replaces_itself_from_the_future(store: RedisStore) -> None:
    now = int(time.time())
    write = store.writer(Recommendations)
    write(recommendations((1, YEAR_2099, [66])))
    write(recommendations((1, now, [66])))
    assert items(store.client, "recommendations:1") == [66]
    assert text(store, "recommendations:1:time") == str(now)


@pytest.mark.parametrize("ahead", [1, 3, 10])
def test_histories_drop_events_from_the_future(store: RedisStore, ahead: int) -> None:
    now = int(time.time())
    write = store.writer(EventBatch)
    assert not write(events(*((1, item, "pv", now + item) for item in range(5))))
    assert not write(events(*((1, 100 + at, "pv", YEAR_2099 + at) for at in range(ahead))))
    assert len(items(store.client, "history:1")) == min(10, 5 + ahead)
    assert not write(events((1, 9, "pv", now + 9), (1, 2, "pv", now + 2)))
    # Ten events from the future left no room for the others.
    assert items(store.client, "history:1") == ([9, 4, 3, 2, 1, 0] if ahead < 10 else [9, 2])
    assert len(text(store, "history:1:events")) == 33 * len(items(store.client, "history:1"))


def test_events_of_the_future_alone_keep_their_order(store: RedisStore) -> None:
    write = store.writer(EventBatch)
    write(events((1, 5, "pv", YEAR_2099)))
    write(events((1, 6, "pv", YEAR_2099 + 1), (1, 4, "pv", YEAR_2099 - 1)))
    assert items(store.client, "history:1") == [6, 5, 4]


def test_what_is_ahead_by_less_than_the_limit_is_valid(store: RedisStore) -> None:
    now = int(time.time())
    soon = now + MAX_FUTURE - 3_600
    store.writer(PopularRows)(ranking(soon, (7, 3)))
    store.writer(PopularRows)(ranking(now, (8, 2)))
    assert items(store.client, "popular:items") == [7]
