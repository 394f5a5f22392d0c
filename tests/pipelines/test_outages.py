"""The main job while its stores stop, start and refuse rows.

Each store is out until the job has tried it again, and for `--outage` seconds (`make outages`).
"""

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pymongo
import pytest
import redis
import sqlalchemy as sa

from deploy.server import Server
from deploy.servers.kafka import Kafka
from deploy.servers.mongo import Mongo
from deploy.servers.mysql import MySQL
from deploy.servers.postgres import Postgres
from deploy.servers.redis import Redis
from pipelines.graph.job_graph import new_progress
from sinks import bulk_write, open_source, write
from sinks.redis.source import RedisSource
from sources.kafka import polls
from tests.graph import Tables, run_job
from tests.oracle.events import Event
from tests.pipelines.stores import Stores, check, oracle, read_letters, rows
from tests.pipelines.streams import START, clicks, produce

pytestmark = [pytest.mark.servers, pytest.mark.slow]


class Job(threading.Thread):
    """The main job in the background."""

    def __init__(self, folder: Path, *flags: str) -> None:
        super().__init__(daemon=True)
        self.folder, self.flags = folder, flags
        self.progress = new_progress("outages")
        self.tables: Tables | None = None

    def run(self) -> None:
        self.tables = run_job(self.folder, *self.flags, progress=self.progress)

    def wait_for_retries(self, *urls: str) -> None:
        """Returns when the job has found one of these stores out.

        While it waits for one, it may have nothing to write to the others.
        """
        names = {open_source(url).name for url in urls}
        self.wait_until(lambda: bool(names & self.progress.unavailable_stores().keys()))

    def wait_until(self, what: Callable[[], bool]) -> None:
        """Returns when it holds; the job must not have ended before."""
        while not what():
            assert self.is_alive()
            time.sleep(0.05)


def counts(stores: Stores) -> dict[str, Callable[[], int]]:
    """How many rows of records each store has by now, and how many recommendations."""
    mysql, postgres = (
        sa.create_engine(url, poolclass=sa.NullPool) for url in (stores.mysql, stores.postgres)
    )
    database = pymongo.MongoClient(stores.mongo).get_default_database()
    keys = redis.Redis.from_url(stores.redis)

    def rows_of(engine: sa.Engine, table: str) -> int:
        with engine.connect() as connection:
            if not sa.inspect(connection).has_table(table):
                return 0
            return connection.exec_driver_sql(f"SELECT COUNT(*) FROM {table}").scalar_one()  # noqa: S608

    return {
        "mysql": lambda: rows_of(mysql, "record"),
        "postgres": lambda: rows_of(postgres, "record"),
        "mongo": lambda: database["records"].count_documents({}),
        "redis": keys.dbsize,
        "recommendations": lambda: rows_of(mysql, "recommendation"),
    }


@pytest.mark.timeout(3600)
def test_stores_that_stop_in_the_middle_lose_and_repeat_nothing(
    kafka: Kafka, topic: str, stores: Stores, mongo: Mongo, mysql: MySQL, postgres: Postgres,
    redis_server: Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    pytestconfig: pytest.Config,
) -> None:  # fmt: skip
    seconds = float(pytestconfig.getoption("outage"))
    monkeypatch.setattr(polls, "POLL_RECORDS", 10)
    # Else all is written between two looks.
    monkeypatch.setattr(write, "BATCH_ROWS", 10)
    monkeypatch.setattr(RedisSource, "batch_rows", 10)
    monkeypatch.setattr(bulk_write, "QUEUED_ROWS", 1)
    events = clicks(4)
    produce(kafka, topic, [events[place::3] for place in range(3)])
    count = counts(stores)
    urls = stores._asdict()
    servers: dict[str, Server] = {
        "mysql": mysql, "postgres": postgres, "mongo": mongo, "redis": redis_server
    }  # fmt: skip
    job = Job(tmp_path, f"--input={kafka.url}/{topic}", "--kafka_stop_at=latest", *stores.flags)
    job.start()
    for name, server in servers.items():
        before = count[name]()
        job.wait_until(lambda name=name, before=before: count[name]() > before)
        server.stop()
        job.wait_for_retries(urls[name])
        time.sleep(seconds)
        server.start()
    job.wait_until(lambda: count["recommendations"]() > 0)
    for server in servers.values():
        server.kill()
    job.wait_for_retries(*urls.values())
    time.sleep(seconds)
    for server in servers.values():
        server.start()
    job.join(3000)
    assert job.tables is not None
    assert not job.progress.unavailable_stores()
    check(stores, events)
    assert job.tables.summary.get("sink_retries") >= len(servers)
    assert read_letters(tmp_path) == []


def test_of_each_store_exactly_the_poison_rows_are_dead_letters(
    kafka: Kafka, topic: str, stores: Stores, tmp_path: Path
) -> None:
    for url in stores:
        open_source(url).open().prepare()
    poison = [Event(START + 100 + user, 3, user, "pv") for user in (991, 992, 993, 994)]
    events = sorted(clicks(5) + poison)
    rankings, shown = oracle(events)
    end = min(rankings)
    user, at = min(shown)
    with sa.create_engine(stores.mysql).begin() as connection:
        for table, condition in (
            ("record", "user <> 991"),
            ("recommendation", f"user <> {user} OR time <> {at}"),
            ("top", f"window_end <> {end} OR `rank` <> 1"),
        ):
            connection.exec_driver_sql(f"ALTER TABLE {table} ADD CHECK ({condition})")
    with sa.create_engine(stores.postgres).begin() as connection:
        connection.exec_driver_sql('ALTER TABLE record ADD CHECK ("user" <> 994)')
    with pymongo.MongoClient(stores.mongo) as client:
        database = client.get_default_database()
        database.command("collMod", "records", validator={"user": {"$ne": 992}})
        database.command(
            "collMod", "recommendResults",
            validator={"$or": [{"user": {"$ne": user}}, {"time": {"$ne": at}}]},
        )  # fmt: skip
    with redis.Redis.from_url(stores.redis) as keys:
        keys.set("history:993", "not a list")
    produce(kafka, topic, [events[place::3] for place in range(3)])
    tables = run_job(
        tmp_path, f"--input={kafka.url}/{topic}", "--kafka_stop_at=latest", *stores.flags
    )

    found = stores.everything()
    everything = set(rows(events))
    fields = ("user", "item", "behavior", "time")
    assert everything - set(found["mysql record"]) == set(rows(poison[:1]))
    assert everything - set(found["postgres record"]) == set(rows(poison[3:]))
    assert len(found["postgres recommendation"]) == len(shown)
    in_mongo = {tuple(d[f] for f in fields) for d in found["mongo records"]}
    assert everything - in_mongo == set(rows(poison[1:2]))
    assert found["redis history:993"] == "not a list"
    assert shown.keys() - {row[:2] for row in found["mysql recommendation"]} == {(user, at)}
    results = {(d["user"], d["time"]) for d in found["mongo recommendResults"]}
    assert shown.keys() - results == {(user, at)}
    assert len(found["mysql top"]) == sum(map(len, rankings.values())) - 1

    letters = read_letters(tmp_path)
    assert {letter["reason"] for letter in letters} == {"refused by the store"}
    told = sorted((letter["source"].split(" ")[1], letter["time"]) for letter in letters)
    assert told == sorted(
        [
            ("record", poison[0].time), ("records", poison[1].time),
            ("history:993", poison[2].time), ("record", poison[3].time), ("recommendation", at),
            ("recommendResults", at), ("top", end),
        ]
    )  # fmt: skip
    assert all(json.loads(letter["raw"])["why"] for letter in letters)
    assert tables.summary.get("refused") == len(letters)
