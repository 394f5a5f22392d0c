"""Changes of a topic around a running job: partitions are added, and records expire."""

from pathlib import Path

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition

from deploy.servers.kafka import Kafka
from tests.flink import stream
from tests.flink.test_savepoint import wait_for_records

pytestmark = [
    pytest.mark.flink,
    pytest.mark.servers,
    pytest.mark.slow,
    pytest.mark.timeout(3600),
]


def end_offset(kafka: Kafka, topic: str, partition: int) -> int:
    consumer = KafkaConsumer(bootstrap_servers=kafka.bootstrap)
    where = TopicPartition(topic, partition)
    end = int(consumer.end_offsets([where])[where])
    consumer.close()
    return end


def test_added_partitions_are_read_and_expired_records_are_counted(
    tmp_path: Path, kafka: Kafka, unique: str
) -> None:
    events = list(dict.fromkeys(stream.clicks(15)))
    before, added, expired, after = events[:300], events[300:600], events[600:650], events[650:900]
    url = stream.make_topic(kafka, unique, partitions=1)
    store = tmp_path / "store.db"
    flags = [
        f"--input={url}", "--runner=FlinkRunner", "--kafka_refresh=1", "--idle_timeout=2",
        *stream.sqlite_flags(store),
    ]  # fmt: skip
    admin = KafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    stream.send(kafka, unique, before)
    with stream.running(tmp_path / "first", *flags) as job:
        wait_for_records(store, len(before))
        admin.create_partitions({unique: 3})
        stream.send(kafka, unique, added)
        assert end_offset(kafka, unique, 1) > 0
        assert end_offset(kafka, unique, 2) > 0
        wait_for_records(store, len(before) + len(added))
        said = stream.stop(job, tmp_path / "first")
    savepoint = stream.savepoint_of(said)

    stream.send(kafka, unique, expired)
    admin.delete_records(
        {TopicPartition(unique, number): end_offset(kafka, unique, number) for number in range(3)}
    )
    admin.close()
    stream.send(kafka, unique, after)
    with stream.running(tmp_path / "second", *flags, f"--savepoint={savepoint}") as job:
        wait_for_records(store, len(before) + len(added) + len(after))
        said = stream.stop(job, tmp_path / "second")
    (line,) = (line for line in said.splitlines() if "deleted before they were read" in line)
    assert f" {len(expired)} " in line
