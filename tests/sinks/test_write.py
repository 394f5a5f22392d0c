"""The sinks as transforms of a pipeline."""

import json
import sqlite3
from pathlib import Path

import apache_beam as beam
import pytest
import redis
from apache_beam.testing.util import assert_that
from pymongo import MongoClient

from deploy.servers.mongo import Mongo
from sinks import WriteToMongo, WriteToRedis, WriteToSql, open_source
from sinks.write import WriteTo
from tests.sinks.frames import events
from transforms.messages.dead_letters import DeadLetterBatch
from transforms.messages.events import EventBatch

T = 1_500_000_000
FRAMES = [events((1, 5, "pv", T), (2, 13, "pv", T + 1)), events((1, 5, "pv", T))]


def test_rows_are_written_and_the_refused_one_is_a_dead_letter(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    open_source(f"sqlite:///{path}").open().prepare()
    with sqlite3.connect(path) as database:
        database.execute(
            "CREATE TRIGGER t BEFORE INSERT ON record WHEN NEW.item = 13 "
            "BEGIN SELECT RAISE(ABORT, 'unlucky'); END"
        )

    def check(batches: list[DeadLetterBatch]) -> None:
        ((letter,),) = batches
        assert (letter.source, letter.time) == (f"sqlite:///{path} record", T + 1)
        assert letter.reason == "refused by the store"
        row = json.loads(letter.raw)
        assert (row["user"], row["item"], row["why"]) == (2, 13, "unlucky")

    with beam.Pipeline() as pipeline:
        letters = (
            pipeline | beam.Create(FRAMES) | WriteToSql(f"sqlite:///{path}?timeout=60", EventBatch)
        )
        assert_that(letters, check)
    with sqlite3.connect(path) as database:
        assert database.execute("SELECT * FROM record").fetchall() == [(1, 5, "pv", T)]


@pytest.mark.servers
def test_the_named_sinks_write_to_their_stores(mongo: Mongo, redis_url: str, unique: str) -> None:
    sinks: list[WriteTo] = [
        WriteToMongo(mongo.url.replace("/rivulet", f"/{unique}"), EventBatch),
        WriteToRedis(redis_url, EventBatch),
    ]
    with beam.Pipeline() as pipeline:
        frames = pipeline | beam.Create(FRAMES)
        for sink in sinks:
            assert_that(
                frames | type(sink).__name__ >> sink, _none, label=f"none of {type(sink).__name__}"
            )
    with MongoClient(mongo.url) as client:
        assert client[unique]["records"].count_documents({}) == 2
    with redis.Redis.from_url(redis_url) as keys:
        assert keys.lrange("history:2", 0, -1) == [b"13"]


def _none(batches: list[DeadLetterBatch]) -> None:
    assert not batches
