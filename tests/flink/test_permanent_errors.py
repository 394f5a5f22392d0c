"""An error that no restart resolves ends a job at once, however many restarts are allowed."""

import re
from pathlib import Path

import pytest
from kafka import KafkaProducer

from deploy.servers.kafka import Kafka
from tests.flink import stream

pytestmark = [
    pytest.mark.flink,
    pytest.mark.servers,
    pytest.mark.slow,
    pytest.mark.hostile,
    pytest.mark.timeout(3600),
]


def test_a_permanent_error_ends_the_job_without_restarts(
    tmp_path: Path, kafka: Kafka, unique: str
) -> None:
    url = stream.make_topic(kafka, unique, partitions=1)
    producer = KafkaProducer(bootstrap_servers=kafka.bootstrap)
    for _ in range(1100):
        producer.send(unique, b"no event")
    producer.close()
    flags = [
        f"--input={url}", "--runner=FlinkRunner", "--number_of_execution_retries=1000000",
        *stream.sqlite_flags(tmp_path / "store.db"),
    ]  # fmt: skip
    with stream.running(tmp_path / "job", *flags) as job:
        status = job.wait(1800)
        said = (tmp_path / "job" / "out.txt").read_text()
    assert status == 1, said
    assert re.search(r"failed: MalformedInputError: .*too few fields", said), said
