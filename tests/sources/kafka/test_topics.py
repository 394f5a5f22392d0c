"""Topics that misbehave, on a real broker: codecs, deletion, retention, times of the future."""

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import fields
from typing import Any

import apache_beam as beam
import kafka.codec as kafka_codec
import pytest
from apache_beam.metrics import MetricsFilter
from apache_beam.testing.util import assert_that, equal_to
from kafka import KafkaAdminClient, KafkaProducer, TopicPartition
from kafka.admin import NewTopic
from kafka.errors import LogTruncationError, TopicAlreadyExistsError, UnknownTopicOrPartitionError
from kafka.record.default_records import DefaultRecordBatch

import sources.kafka.read as read_kafka
from deploy.servers.kafka import Kafka
from sources.errors import SourceError
from sources.kafka import batches, topic_time
from sources.kafka.consumers import ConsumerPool, connect, refresh_metadata
from sources.kafka.partition import Partition
from sources.kafka.partitions import FOREVER, list_bounded, list_partitions
from sources.kafka.polls import poll
from sources.kafka.topic_time import TopicWatch
from sources.kafka.url import KafkaUrl, parse_url
from sources.options import InputSettings, KafkaSettings
from sources.read import ReadEvents
from transforms.messages.dead_letters import DeadLetter

pytestmark = pytest.mark.servers

PATIENCE = 300.0


def wait_until(what: Callable[[], Any]) -> Any:
    until = time.monotonic() + PATIENCE
    while not (found := what()):
        assert time.monotonic() < until
        time.sleep(0.1)
    return found


@pytest.fixture
def admin(kafka: Kafka) -> Iterator[KafkaAdminClient]:
    made = KafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    yield made
    made.close()


@pytest.fixture
def url(kafka: Kafka, unique: str) -> KafkaUrl:
    return parse_url(f"{kafka.url}/{unique}")


def send(kafka: Kafka, topic: str, values: list[bytes], **arguments: Any) -> None:
    producer = KafkaProducer(bootstrap_servers=kafka.bootstrap, **arguments)
    for value in values:
        producer.send(topic, value, partition=0)
    producer.flush()
    producer.close()


def create(admin: KafkaAdminClient, topic: str, **configs: str) -> None:
    admin.create_topics([NewTopic(topic, 1, 1, topic_configs=configs)])


INPUT = [each.name for each in fields(InputSettings)]
VALUES = [b"%d,2,%d" % (n, 1_500_000_000 + n) for n in range(300)]


def check(
    url: KafkaUrl, events: list[int], letters: list[DeadLetter], **chosen: Any
) -> dict[str, int]:
    """Reads a topic to its end, checks the events' users and the letters; gives the counters."""
    pipeline = beam.Pipeline()
    found = pipeline | ReadEvents(
        InputSettings(str(url), **{name: chosen.pop(name) for name in INPUT if name in chosen}),
        KafkaSettings(kafka_stop_at="latest", **chosen),
    )
    users = found.events | beam.FlatMap(lambda batch: batch.user.tolist())
    assert_that(users, equal_to(events), "events")
    assert_that(found.malformed | beam.FlatMap(iter), equal_to(letters), "letters")
    result = pipeline.run()
    result.wait_until_finish()
    counters = result.metrics().query(MetricsFilter().with_namespace("rivulet"))["counters"]
    return {counter.key.metric.name: counter.committed for counter in counters}


@pytest.mark.parametrize("codec", ["snappy", "lz4", "zstd", "gzip"])
def test_every_codec_of_kafka_is_read(
    kafka: Kafka, admin: KafkaAdminClient, url: KafkaUrl, codec: str
) -> None:
    create(admin, url.topic)
    send(kafka, url.topic, VALUES, compression_type=codec, linger_ms=200)
    assert check(url, list(range(300)), [])["events"] == 300


def test_a_codec_that_is_not_installed_is_an_error_at_once(
    kafka: Kafka, admin: KafkaAdminClient, url: KafkaUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    create(admin, url.topic)
    send(kafka, url.topic, VALUES, compression_type="lz4", linger_ms=200)
    monkeypatch.setattr(kafka_codec, "lz4", None)
    with pytest.raises(Exception, match=r"compression cannot be decoded.*lz4"):
        check(url, [], [])


def test_what_cannot_be_decompressed_is_an_error_at_once(
    kafka: Kafka, admin: KafkaAdminClient, url: KafkaUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> bytes:
        raise RuntimeError("LZ4F_decompress failed with code: ERROR_frameType_unknown")

    create(admin, url.topic)
    send(kafka, url.topic, VALUES, compression_type="lz4", linger_ms=200)
    monkeypatch.setitem(batches.DECODERS, DefaultRecordBatch.CODEC_LZ4, broken)
    with pytest.raises(SourceError, match="cannot be decoded: LZ4F_decompress"):
        check(url, [], [])


def test_a_topic_created_again_is_an_error_and_skips_nothing(
    kafka: Kafka, admin: KafkaAdminClient, url: KafkaUrl
) -> None:
    create(admin, url.topic)
    send(kafka, url.topic, VALUES[:10])
    (old,) = list_bounded(url, "latest")
    consumer = connect(url)
    where = TopicPartition(url.topic, 0)
    consumer.assign([where])
    consumer.seek(where, 10)
    assert poll(consumer, url, old, 10, FOREVER).records == []
    admin.delete_topics([url.topic])
    wait_until(lambda: list_partitions(url, "latest", bounded=False) is None)
    wait_until(lambda: is_created_again(admin, url, old))
    send(kafka, url.topic, VALUES)
    (new,) = list_bounded(url, "latest")
    assert new.topic_id != old.topic_id

    # A job that goes on, and one that begins with the old positions.
    fresh = connect(url)
    fresh.assign([where])
    fresh.seek(where, 10)
    refresh_metadata(consumer)  # As a pool does every few seconds.
    for reader in (consumer, fresh):
        with pytest.raises(SourceError, match="deleted and created again"):
            wait_until(lambda reader=reader: poll(reader, url, old, 10, FOREVER).records)
        reader.close()


def is_created_again(admin: KafkaAdminClient, url: KafkaUrl, old: Partition) -> bool:
    # It is still being deleted, or a request was repeated of which the answer was lost.
    with contextlib.suppress(TopicAlreadyExistsError):
        create(admin, url.topic)
    found = list_partitions(url, "latest", bounded=False)
    return bool(found) and found[0].topic_id != old.topic_id


def test_a_topic_deleted_while_it_is_read_is_missed(
    kafka: Kafka, admin: KafkaAdminClient, url: KafkaUrl
) -> None:
    create(admin, url.topic)
    send(kafka, url.topic, VALUES[:10])
    (partition,) = list_bounded(url, "earliest")
    consumer = connect(url)
    where = TopicPartition(url.topic, 0)
    consumer.assign([where])
    consumer.seek(where, 0)
    assert wait_until(lambda: poll(consumer, url, partition, 0, FOREVER).records)
    consumer.close()
    admin.delete_topics([url.topic])
    pool = ConsumerPool()

    def is_missed() -> bool:
        reader = pool.acquire(url, 0, 10)
        try:
            assert poll(reader, url, partition, 10, FOREVER).records == []
        except LogTruncationError:
            return False
        except UnknownTopicOrPartitionError:
            return True
        finally:
            reader.close()
        return False

    wait_until(is_missed)


def test_expired_records_are_counted(
    kafka: Kafka, admin: KafkaAdminClient, url: KafkaUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    create(admin, url.topic)
    send(kafka, url.topic, VALUES)
    partitions = list_bounded(url, "earliest")
    admin.delete_records({TopicPartition(url.topic, 0): 120})
    monkeypatch.setattr(read_kafka, "list_bounded", lambda *_: partitions)
    counters = check(url, list(range(120, 300)), [])
    assert counters["expired"] == 120
    assert counters["lines"] == counters["events"] == 180


def test_events_of_the_future_are_dead_letters(
    kafka: Kafka, admin: KafkaAdminClient, url: KafkaUrl
) -> None:
    create(admin, url.topic)
    now = int(time.time())
    values = [b"1,2,%d" % time for time in (now, now + 86_400, now + 90)]
    send(kafka, url.topic, values)
    letter = DeadLetter(f"{url.topic}/0/1", "future", values[1].decode(), now + 86_400)
    counters = check(url, [1, 1], [letter], max_future=3_600)
    assert counters == {"lines": 3, "events": 2, "malformed": 1, "future": 1}


def test_the_clock_of_a_topic_with_log_append_time_is_the_brokers(
    kafka: Kafka, admin: KafkaAdminClient, url: KafkaUrl
) -> None:
    create(admin, url.topic, **{"message.timestamp.type": "LogAppendTime"})
    now = int(time.time())
    values = [b"1,2,%d" % time for time in (now - 7, now + 86_400)]
    send(kafka, url.topic, values)
    letter = DeadLetter(f"{url.topic}/0/1", "future", values[1].decode(), now + 86_400)
    check(url, [1], [letter], max_future=3_600)
    check(url, [1, 1], [], max_future=90_000)


def test_a_look_at_a_topics_end_takes_no_time_from_the_future(
    kafka: Kafka, admin: KafkaAdminClient, url: KafkaUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(topic_time, "LOOK_SECONDS", 0.0)
    create(admin, url.topic)
    now = int(time.time())
    send(kafka, url.topic, [b"1,2,%d" % time for time in (now - 50, now + 86_400)])
    watch = TopicWatch(url, 300)
    assert wait_until(lambda: watch.now().newest) == now - 50
    watch.close()


@pytest.mark.hostile
def test_a_batch_that_is_a_bomb_is_one_dead_letter(
    kafka: Kafka, admin: KafkaAdminClient, url: KafkaUrl
) -> None:
    create(admin, url.topic)
    pairs = [(VALUES[:5], 5), ([bytes(4 << 20)], 1), (VALUES[6:9], 3)]
    for values, _ in pairs:
        send(kafka, url.topic, values, compression_type="gzip", max_request_size=16 << 20)
    letter = DeadLetter(
        f"{url.topic}/0/5",
        "too long",
        f"a batch of 1 records, offsets 5 to 5, that is larger than {2 << 20} bytes when it is "
        f"decompressed; --kafka_max_batch is the limit... [cut: {(2 << 20) + 1} bytes]",
        None,
    )
    wanted = [*range(5), 6, 7, 8]
    assert check(url, wanted, [letter], max_line=2 << 20, kafka_max_batch=1)["events"] == 8


@pytest.mark.hostile
def test_batches_that_are_more_than_a_poll_holds_are_all_read(
    kafka: Kafka, admin: KafkaAdminClient, url: KafkaUrl
) -> None:
    create(admin, url.topic)
    text = b"%d,2,1500000000" + b" " * 900_000
    for number in range(12):
        send(kafka, url.topic, [text % number], compression_type="gzip", max_request_size=2 << 20)
    found = check(url, list(range(12)), [], kafka_max_batch=1)
    assert found["events"] == 12
