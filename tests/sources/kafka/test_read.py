"""The Kafka source against a real broker: every value once, late ones apart, lag committed."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.testing.util import assert_that, equal_to
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import NewTopic

from deploy.servers.kafka import Kafka
from sources.errors import SourceError
from sources.kafka.partitions import list_partitions
from sources.kafka.url import parse_url
from sources.options import InputSettings, KafkaSettings
from sources.read import ReadEvents
from transforms.messages.dead_letters import DeadLetter

pytestmark = pytest.mark.servers

Rows = list[tuple[int, int, int, int]]


@pytest.fixture
def producer(kafka: Kafka) -> Iterator[KafkaProducer]:
    made = KafkaProducer(bootstrap_servers=kafka.bootstrap)
    yield made
    made.close()


@pytest.fixture
def topic(kafka: Kafka, unique: str) -> str:
    admin = KafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    admin.create_topics([NewTopic(unique, 3, 1)])
    admin.close()
    return unique


def rows(batch: object) -> Rows:
    columns = (getattr(batch, name).tolist() for name in ("user", "item", "behavior", "time"))
    return list(zip(*columns, strict=True))


def check(url: str, events: Rows, malformed: list[DeadLetter], late: Rows, **more: Any) -> None:
    settings = KafkaSettings(kafka_stop_at="latest", **more)
    with beam.Pipeline() as pipeline:
        read = pipeline | ReadEvents(InputSettings(url), settings)
        assert not read.is_bounded_files
        assert read.late is not None
        assert_that(read.events | "a" >> beam.FlatMap(rows), equal_to(events), "events")
        assert_that(read.malformed | beam.FlatMap(iter), equal_to(malformed), "malformed")
        assert_that(read.late | "b" >> beam.FlatMap(rows), equal_to(late), "late")


def test_every_value_comes_once_with_its_place(
    kafka: Kafka, topic: str, producer: KafkaProducer
) -> None:
    wanted = []
    for number in range(20_000):
        producer.send(topic, b"%d,2,%d,fav" % (number, 5000 + number // 9), partition=number % 3)
        wanted.append((number, 2, 2, 5000 + number // 9))
    producer.send(topic, b'{"user_id": 1, "item": "2", "timestamp": 5000}', partition=0)
    producer.send(topic, b"1,2,5000", partition=0)
    producer.send(topic, b"1,2", partition=0)
    producer.send(topic, None, key=b"1", partition=0)
    producer.flush()
    letters = [
        DeadLetter(f"{topic}/0/6669", "too few fields", "1,2", None),
        DeadLetter(f"{topic}/0/6670", "too few fields", "", None),
    ]
    wanted += [(1, 2, 0, 5000)] * 2
    url = f"{kafka.url}/{topic}"
    check(url, wanted, letters, [], kafka_group=topic)

    reader = KafkaConsumer(bootstrap_servers=kafka.bootstrap, group_id=topic)
    committed = [reader.committed(TopicPartition(topic, number)) for number in range(3)]
    reader.close()
    assert committed == [6671, 6667, 6666]


def test_what_is_too_late_comes_apart(kafka: Kafka, topic: str, producer: KafkaProducer) -> None:
    for value in (b"1,1,1000", b"2,1,979", b"3,1,980", b"4,1,1005", b"5,1,984", b"6,1,985"):
        producer.send(topic, value, partition=1)
    producer.flush()
    check(
        f"{kafka.url}/{topic}",
        [(1, 1, 0, 1000), (3, 1, 0, 980), (4, 1, 0, 1005), (6, 1, 0, 985)],
        [],
        [(2, 1, 0, 979), (5, 1, 0, 984)],
        max_out_of_orderness=10,
        allowed_lateness=10,
    )


def test_where_to_start(kafka: Kafka, topic: str, producer: KafkaProducer) -> None:
    for stamp in (1_000_000, 2_000_000, 3_000_000):
        producer.send(topic, b"1,1,1", partition=2, timestamp_ms=stamp)
    producer.flush()
    url = parse_url(f"{kafka.url}/{topic}")

    def span(start: str, known: int = 0) -> tuple[int, int]:
        found = list_partitions(url, start, bounded=True, known=known)
        assert found is not None
        assert found[-1].number == 2
        return found[-1].start, found[-1].stop

    assert span("earliest") == (0, 3)
    assert span("latest") == (3, 3)
    assert span("1970-01-01T00:30:00Z") == (1, 3)
    assert span("2020-01-01") == (3, 3)
    assert span("latest", known=2) == (0, 3)


def test_a_bounded_read_says_what_is_missing(kafka: Kafka, unique: str) -> None:
    topic = InputSettings(f"{kafka.url}/{unique}")
    with pytest.raises(SourceError, match="there is no such topic"):
        ReadEvents(topic, KafkaSettings(kafka_stop_at="latest"))


def test_the_same_events_as_from_a_file(
    kafka: Kafka, topic: str, producer: KafkaProducer, tmp_path: Path
) -> None:
    lines = [b"%d,%d,%d,pv" % (n % 7, n, 1000 + n) for n in range(100)]
    path = tmp_path / "clicks.csv"
    path.write_bytes(b"user,item,time,behavior\n" + b"\n".join(lines))
    for line in lines:
        producer.send(topic, line, key=line.split(b",")[0])
    producer.flush()
    with beam.Pipeline() as pipeline:
        read = pipeline | ReadEvents(InputSettings(str(path)))
        same = [(n % 7, n, 0, 1000 + n) for n in range(100)]
        assert_that(read.events | beam.FlatMap(rows), equal_to(same))
    check(f"{kafka.url}/{topic}", same, [], [])
