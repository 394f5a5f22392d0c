"""A job's settings in its stores, as readers find them."""

import json
import sqlite3
from pathlib import Path

import apache_beam as beam
import pytest
import redis
import sqlalchemy as sa
from pymongo import MongoClient

from deploy.servers.mongo import Mongo
from sinks import open_source
from sinks.job_settings import WriteJobSettings
from tests.sinks.databases import make_database
from transforms.messages.job import JobSettings

OLD = JobSettings(1_600_000_000_000, {"reward_window": 600, "history_size": 10})
NEW = JobSettings(1_600_000_000_001, {"reward_window": 60, "history_size": 20})


def write(url: str) -> None:
    """A new run's settings, then an old run's, each twice: as its workers start."""
    for settings in (NEW, OLD, NEW, OLD):
        with beam.Pipeline() as pipeline:
            elements = pipeline | beam.Create([1, 2])
            _ = elements | WriteJobSettings([open_source(url)], settings)


def test_sqlite_has_a_row_for_each_run(tmp_path: Path) -> None:
    write(f"sqlite:///{tmp_path}/x.db")
    with sqlite3.connect(tmp_path / "x.db") as db:
        rows = db.execute("SELECT run, settings FROM job ORDER BY run").fetchall()
    assert [JobSettings.of(*row) for row in rows] == [OLD, NEW]


@pytest.mark.servers
@pytest.mark.parametrize("kind", ["mysql", "postgres"])
def test_an_sql_server_has_a_row_for_each_run(
    kind: str, request: pytest.FixtureRequest, unique: str
) -> None:
    url = make_database(request.getfixturevalue(kind), unique)
    write(url)
    with sa.create_engine(url, poolclass=sa.NullPool).begin() as connection:
        job = sa.Table("job", sa.MetaData(), autoload_with=connection)
        columns = sa.cast(job.c.settings, sa.Text)
        found = connection.execute(sa.select(job.c.run, columns).order_by(job.c.run))
        assert [JobSettings.of(*row) for row in found] == [OLD, NEW]


@pytest.mark.servers
def test_mongo_has_a_document_for_each_run(mongo: Mongo, unique: str) -> None:
    write(mongo.url.replace("/rivulet", f"/{unique}"))
    with MongoClient(mongo.url) as client:
        found = client[unique]["jobs"].find().sort("_id")
        assert [JobSettings.of(row["_id"], row["settings"]) for row in found] == [OLD, NEW]
        client.drop_database(unique)


@pytest.mark.servers
@pytest.mark.parametrize("there", [None, "no JSON", "[]", '{"run": "later"}'])
def test_redis_has_the_newest_run(redis_url: str, there: str | None) -> None:
    with redis.Redis.from_url(redis_url) as keys:
        if there is not None:
            keys.set("job:settings", there)
        write(redis_url)
        found = keys.get("job:settings")
        assert isinstance(found, bytes)
        assert json.loads(found)["run"] == NEW.run
        assert JobSettings.from_json(found) == NEW
