"""The five servers: they answer at their URLs and keep port and data through stops and crashes."""

import os
import time
from collections.abc import Callable

import pymongo
import pytest
import redis as redis_client
import sqlalchemy
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from deploy.server import Server
from deploy.servers.kafka import Kafka
from deploy.servers.mongo import Mongo
from deploy.servers.mysql import MySQL
from deploy.servers.postgres import Postgres
from deploy.servers.redis import Redis

pytestmark = pytest.mark.servers


def stop(server: Server) -> None:
    server.stop()
    assert server.process is None


def kill(server: Server) -> None:
    server.kill()
    assert server.process is None


@pytest.fixture(params=[stop, kill], ids=["stop", "kill"])
def end(request: pytest.FixtureRequest) -> Callable[[Server], None]:
    return request.param


def start_again(server: Server, end: Callable[[Server], None]) -> None:
    url = server.url
    end(server)
    server.start()
    assert server.url == url


def test_redis_keeps_what_it_acknowledged(
    redis_server: Redis, unique: str, end: Callable[[Server], None]
) -> None:
    with redis_client.Redis.from_url(redis_server.url) as client:
        client.set(unique, "7")
    start_again(redis_server, end)
    with redis_client.Redis.from_url(redis_server.url) as client:
        assert client.get(unique) == b"7"


@pytest.mark.parametrize("kind", ["mysql", "postgres"])
def test_an_sql_server_keeps_what_it_acknowledged(
    kind: str, request: pytest.FixtureRequest, unique: str, end: Callable[[Server], None]
) -> None:
    server: MySQL | Postgres = request.getfixturevalue(kind)
    engine = sqlalchemy.create_engine(server.url, poolclass=sqlalchemy.NullPool)
    table = sqlalchemy.Table(
        unique, sqlalchemy.MetaData(), sqlalchemy.Column("name", sqlalchemy.Text)
    )
    with engine.begin() as connection:
        table.create(connection)
        connection.execute(table.insert().values(name="käse 🧀"))
    start_again(server, end)
    with engine.begin() as connection:
        rows = connection.execute(table.select()).scalars().all()
    assert rows == ["käse 🧀"]


def test_mongo_keeps_what_it_acknowledged(
    mongo: Mongo, unique: str, end: Callable[[Server], None]
) -> None:
    with pymongo.MongoClient(mongo.url) as client:
        journalled = pymongo.WriteConcern(w=1, j=True)
        collection = client.get_default_database().get_collection(unique, write_concern=journalled)
        collection.insert_one({"_id": 7})
    start_again(mongo, end)
    with pymongo.MongoClient(mongo.url) as client:
        assert list(client.get_default_database()[unique].find()) == [{"_id": 7}]


def test_kafka_keeps_what_it_acknowledged(
    kafka: Kafka, unique: str, end: Callable[[Server], None]
) -> None:
    def consume() -> list[bytes]:
        consumer = KafkaConsumer(
            bootstrap_servers=kafka.bootstrap, auto_offset_reset="earliest", group_id=unique
        )
        partitions = [TopicPartition(unique, number) for number in range(3)]
        consumer.assign(partitions)
        values: list[bytes] = []
        until = time.monotonic() + 120
        while len(values) < 3 and time.monotonic() < until:
            for records in consumer.poll(timeout_ms=200).values():
                values += [record.value for record in records]
        consumer.commit()
        consumer.close()
        return sorted(values)

    producer = KafkaProducer(bootstrap_servers=kafka.bootstrap)
    for number in range(3):
        producer.send(unique, value=b"%d" % number, partition=number)
    producer.close()
    start_again(kafka, end)
    assert consume() == [b"0", b"1", b"2"]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_the_serving_store_has_the_higher_priority(mongo: Mongo, redis_server: Redis) -> None:
    niceness = []
    for server in (redis_server, mongo):
        assert server.process is not None
        niceness.append(os.getpriority(os.PRIO_PROCESS, server.process.pid))
    assert niceness == [-5, 5]
