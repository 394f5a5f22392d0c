"""The four kinds of servers as one target of the main job: its flags, and all that is in them."""

import json
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import pymongo
import redis
import sqlalchemy as sa

from tests.fakes import LABEL, ranked_items
from tests.oracle import rules
from tests.oracle.events import Event
from tests.oracle.rules import Recommendation
from tests.sinks import oracles

Row = tuple[int, int, str, int]
Popular = dict[int, list[tuple[int, int]]]


class Stores(NamedTuple):
    """A database of each server that nothing else uses."""

    mongo: str
    mysql: str
    postgres: str
    redis: str

    @property
    def flags(self) -> list[str]:
        """Everything to all four."""
        outputs = ("record", "popular", "recommendation")
        return [f"--{output}_sink={url}" for output in outputs for url in self]

    def make(self) -> None:
        """An empty database of each."""
        for url, other, utf8 in (
            (self.mysql, "mysql", " CHARACTER SET utf8mb4"),
            (self.postgres, "postgres", ""),
        ):
            address = sa.engine.make_url(url)
            engine = sa.create_engine(address.set(database=other), isolation_level="AUTOCOMMIT")
            with engine.connect() as connection:
                connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {address.database}")
                connection.exec_driver_sql(f"CREATE DATABASE {address.database}{utf8}")
            engine.dispose()
        with pymongo.MongoClient(self.mongo) as client:
            client.drop_database(client.get_default_database().name)
        with redis.Redis.from_url(self.redis) as client:
            client.flushdb()

    def everything(self) -> dict[str, Any]:
        """All rows, documents and keys, without the job's settings and the workers' heartbeats."""
        found: dict[str, Any] = {}
        for server, url in (("mysql", self.mysql), ("postgres", self.postgres)):
            engine = sa.create_engine(url)
            with engine.connect() as connection:
                names = sa.inspect(connection).get_table_names()
                for table in (name for name in names if not name.startswith("job")):
                    rows = connection.exec_driver_sql(f"SELECT * FROM {table}")  # noqa: S608
                    found[f"{server} {table}"] = sorted(map(tuple, rows))
            engine.dispose()
        with pymongo.MongoClient(self.mongo) as client:
            database = client.get_default_database()
            names = database.list_collection_names()
            for collection in (name for name in names if not name.startswith("job")):
                documents = database[collection].find()
                found[f"mongo {collection}"] = sorted(documents, key=str)
        with redis.Redis.from_url(self.redis, decode_responses=True) as client:
            read = {
                "list": lambda key: client.lrange(key, 0, -1),
                "string": client.get,
                "hash": client.hgetall,
            }
            for key in (name for name in client.scan_iter() if not name.startswith("job:")):
                found[f"redis {key}"] = read[client.type(key)](key)
        return found


def check_records(found: dict[str, Any], rows: Iterable[Row]) -> None:
    """Every event once in the tables; first consumptions and histories by their oracles."""
    rows = sorted(set(rows))
    assert found["mysql record"] == found["postgres record"] == rows
    fields = ("user", "item", "behavior", "time")
    assert sorted(tuple(d[f] for f in fields) for d in found["mongo records"]) == rows
    assert {
        d["_id"]: (d["consumed"], d["time"]) for d in found["mongo userConsumed"]
    } == oracles.consumed(rows)
    assert all(d["user"] == d["_id"] for d in found["mongo userConsumed"])
    assert {
        key: value
        for key, value in found.items()
        if key.startswith("redis history:") and not key.endswith(":events")
    } == {
        f"redis history:{user}": [str(item) for item in items]
        for user, items in oracles.history(rows).items()
    }


def check_popular(found: dict[str, Any], rankings: Popular) -> None:
    """Every window in the tables, the last one in Redis."""
    ranked: Popular = defaultdict(list)
    assert found["postgres top"] == found["mysql top"]
    for end, rank, item, count in found["mysql top"]:
        ranked[end].append((item, count))
        assert rank == len(ranked[end])
    assert ranked == rankings
    assert {
        d["_id"]: [(place["item"], place["count"]) for place in d["items"]]
        for d in found["mongo popular"]
    } == rankings
    last = max(rankings)
    assert found["redis popular:window_end"] == str(last)
    assert found["redis popular:items"] == [str(item) for item, _ in rankings[last]]
    assert found["redis popular:counts"] == {str(i): str(n) for i, n in rankings[last]}


def check_recommendations(
    found: dict[str, Any], shown: dict[tuple[int, int], Recommendation], label: str
) -> None:
    """Every recommendation in the tables, each user's last one in Redis."""
    wanted = {
        key: (
            row.items, label if row.by_policy else "popular", [1.0] * len(row.items),
            row.last_reward,
        )
        for key, row in shown.items()
    }  # fmt: skip
    assert {
        (user, at): (json.loads(items), policy, json.loads(propensities), last_reward)
        for user, at, items, policy, propensities, last_reward in found["mysql recommendation"]
    } == wanted
    assert {tuple(row[:2]): tuple(row[2:]) for row in found["postgres recommendation"]} == wanted
    results = found["mongo recommendResults"]
    assert len(results) == len(wanted)
    assert {
        (d["user"], d["time"]): (d["itemRec"], d["policy"], d["propensities"], d["lastReward"])
        for d in results
    } == wanted
    last: dict[int, int] = {}
    for user, at in shown:
        last[user] = max(at, last.get(user, at))
    for user, at in last.items():
        assert found[f"redis recommendations:{user}:time"] == str(at)
        items = [str(item) for item in shown[user, at].items]
        assert found.get(f"redis recommendations:{user}", []) == items


def rows(events: list[Event]) -> list[tuple[int, int, str, int]]:
    return [(e.user, e.item, e.behavior, e.time) for e in events]


def oracle(events: list[Event], policy: bool = True) -> tuple[dict, dict]:
    """The rankings and the lists of the fake policy, or without a policy."""
    rankings = rules.popular(events)
    return rankings, rules.recommendations(
        events,
        lambda user, history: ranked_items(user, history, 8) if policy else [],
        rankings,
    )


def check(
    stores: Stores, events: list[Event], late: list[Event] | None = None, policy: bool = True
) -> dict:
    """All four stores hold what the oracle says; gives what they hold."""
    found = stores.everything()
    rankings, shown = oracle(events, policy)
    check_records(found, rows(events + (late or [])))
    check_popular(found, rankings)
    check_recommendations(found, shown, LABEL.decode())
    return found


def read_letters(folder: Path) -> list[dict]:
    path = folder / "dead.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
