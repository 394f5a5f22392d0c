"""Readers on real servers: each returns what is stored under the specified names."""

import asyncio

import pymongo
import pytest
import redis

from deploy.servers.mongo import Mongo
from deploy.servers.mysql import MySQL
from deploy.servers.postgres import Postgres
from serving.schemas.popular import PopularItem
from serving.schemas.users import Recommendation
from serving.stores.base import Reader, horizon_of, public_name
from serving.stores.opening import open_reader
from tests.serving.tables import END, fill, sample

pytestmark = pytest.mark.servers


async def _latest(url: str) -> tuple[object, ...]:
    reader: Reader = open_reader(url, 5, horizon_of(300))
    try:
        return (
            await reader.state(),
            (await reader.popular(None, 1))[0],
            (await reader.recommendations(1, 1, 0))[0],
            [event.item for event in await reader.history(1, 2, 0)],
            await reader.users(2),
        )
    finally:
        await reader.close()


ITEMS = [PopularItem(1, 11, 10), PopularItem(2, 12, 9), PopularItem(3, 13, 4)]
RECOMMENDED = Recommendation(END, [21, 22, 23, 24], "reinforce-1", [1.0] * 4, 2)


@pytest.mark.parametrize("kind", ["mysql", "postgres"])
def test_an_sql_server(kind: str, request: pytest.FixtureRequest) -> None:
    server: MySQL | Postgres = request.getfixturevalue(kind)
    fill(server.url, sample())
    state, window, shown, history, users = asyncio.run(_latest(server.url))
    assert (state, window.items, shown) == ("ok", ITEMS, RECOMMENDED)  # type: ignore[attr-defined]
    assert (history, users) == ([24, 23], [1, 2])


def test_mongo(mongo: Mongo, unique: str) -> None:
    url = f"{mongo.url.rpartition('/')[0]}/{unique}"
    rows = sample()
    with pymongo.MongoClient[dict[str, object]](url) as client:
        database = client.get_default_database()
        names = ("user", "item", "behavior", "time")
        database["records"].insert_many([dict(zip(names, row, strict=True)) for row in rows.record])
        items = [{"item": place.item, "count": place.count} for place in ITEMS]
        database["popular"].insert_one({"_id": END, "items": items})  # type: ignore[dict-item]
        keys = ("user", "time", "itemRec", "policy", "propensities", "lastReward")
        for row in reversed(rows.recommendation):
            database["recommendResults"].insert_one(dict(zip(keys, row, strict=True)))
    state, window, shown, history, users = asyncio.run(_latest(url))
    assert (state, window.items, shown) == ("ok", ITEMS, RECOMMENDED)  # type: ignore[attr-defined]
    assert (history, users) == ([24, 23], [1, 2])


def test_redis(redis_url: str) -> None:
    client = redis.Redis.from_url(redis_url)
    client.rpush("popular:items", 11, 12, 13)
    client.hset("popular:counts", mapping={"11": 10, "12": 9, "13": 4})
    client.set("popular:window_end", END)
    client.rpush("recommendations:1", 21, 22, 23, 24)
    client.set("recommendations:1:time", END)
    client.rpush("history:1", 24, 23, 21)
    state, window, shown, history, users = asyncio.run(_latest(redis_url))
    client.close()
    assert (state, window.items) == ("ok", ITEMS)  # type: ignore[attr-defined]
    assert shown == Recommendation(END, [21, 22, 23, 24], None, None, None)
    assert (history, users) == ([24, 23], [1])


def test_a_stores_name_has_no_secret() -> None:
    assert public_name("mongodb://u:p@h:1,h2:2/db?x=y") == "mongodb://h:1,h2:2/db"
    assert public_name("redis://:secret@h:6379/0") == "redis://h:6379/0"
