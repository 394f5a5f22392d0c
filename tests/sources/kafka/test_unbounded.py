"""The source without an end, on Flink's embedded cluster: it follows a topic through everything."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import NewPartitions, NewTopic

from deploy.servers.kafka import Kafka
from pipelines.flink.job_server import build_job_server

pytestmark = [pytest.mark.servers, pytest.mark.flink, pytest.mark.slow]

ROOT = Path(__file__).parents[3]
START = 1_500_000_000
PATIENCE = 90.0


class Follower:
    """The pipeline in a process of its own, and what it wrote down."""

    def __init__(self, kafka: Kafka, topic: str, folder: Path) -> None:
        self.output, self.log = folder / "seen.jsonl", folder / "log"
        options = (
            f"--input={kafka.url}/{topic}",
            f"--kafka_group={topic}",
            "--kafka_refresh=1",
            "--idle_timeout=2",
            "--runner=FlinkRunner",
            f"--flink_job_server_jar={build_job_server()}",
            "--environment_type=LOOPBACK",
            "--streaming",
            "--checkpointing_interval=1000",
            "--finish_bundle_before_checkpointing",
        )
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                (sys.executable, "-m", "tests.sources.kafka.following", str(self.output), *options),
                cwd=ROOT, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def stop(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def seen(self, kind: str) -> list:
        lines = self.output.read_text().splitlines() if self.output.exists() else []
        return [found[kind] for line in lines if kind in (found := json.loads(line))]

    def events(self) -> list[tuple[int, int]]:
        return sorted((user, at) for batch in self.seen("events") for user, at in batch)

    def wait_until(self, what: Callable[[], bool]) -> None:
        until = time.monotonic() + PATIENCE
        while not what():
            assert self.process.poll() is None, self.log.read_text()[-3000:]
            assert time.monotonic() < until, self.log.read_text()[-3000:]
            time.sleep(0.1)


@pytest.fixture
def follower(kafka: Kafka, unique: str, tmp_path: Path) -> Iterator[Follower]:
    made = Follower(kafka, unique, tmp_path)
    yield made
    made.stop()


@pytest.mark.timeout(600)
def test_a_topic_is_followed_through_everything(
    kafka: Kafka, unique: str, follower: Follower
) -> None:
    def said(words: str) -> Callable[[], bool]:
        return lambda: words in follower.log.read_text()

    follower.wait_until(said(f"{kafka.url}/{unique}: the topic does not exist yet; waiting"))

    admin = KafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    admin.create_topics([NewTopic(unique, 3, 1)])
    producer = KafkaProducer(bootstrap_servers=kafka.bootstrap, metadata_max_age_ms=500)
    sent: list[tuple[int, int]] = []

    def send(partitions: tuple[int, ...], seconds: range) -> None:
        for second in seconds:
            for partition in partitions:
                value = f"{partition},7,{START + second}"
                producer.send(unique, value.encode(), partition=partition)
                sent.append((partition, START + second))
        producer.flush()
        follower.wait_until(lambda: len(follower.events()) >= len(sent))
        assert follower.events() == sorted(sent)

    def windows() -> dict[int, int]:
        found = [(start - START, count) for start, count in follower.seen("window")]
        assert len(dict(found)) == len(found)
        return dict(found)

    # Windows close as the slowest partition goes, and ten seconds behind it.
    send((0, 1, 2), range(30))
    follower.wait_until(lambda: windows() == {0: 30})

    # Two partitions fall silent: they hold nothing up.
    send((0,), range(30, 60))
    follower.wait_until(lambda: windows() == {0: 30, 10: 30, 20: 30, 30: 10})

    # They come back at the topic's time: not late, though they were let go and the clock is
    # years ahead.
    send((1, 2), range(50, 80))
    follower.wait_until(lambda: windows().get(50) == 30)
    assert follower.seen("late") == []

    # A partition that is added is found, and read from its beginning.
    admin.create_partitions({unique: NewPartitions(4)})
    admin.close()
    time.sleep(3)
    send((3,), range(80, 100))
    follower.wait_until(lambda: windows().get(70) == 20)

    # The broker is away for a while.
    producer.send(unique, b"no event", partition=3)
    producer.flush()
    kafka.restart(down_s=2)
    send((0, 3), range(100, 120))
    assert follower.seen("letter") == [[f"{unique}/3/20", "too few fields"]]
    producer.close()

    # A silent topic's time stands still: the last ten seconds and their window are not given.
    follower.wait_until(lambda: windows().get(90) == 10)
    time.sleep(5)
    assert max(windows()) == 90
    assert follower.seen("late") == []
    check_commits(kafka, unique, follower)


def check_commits(kafka: Kafka, topic: str, follower: Follower) -> None:
    """Lag tools see in the end that there is none."""
    consumer = KafkaConsumer(bootstrap_servers=kafka.bootstrap, group_id=topic)
    parts = [TopicPartition(topic, number) for number in range(4)]
    ends = consumer.end_offsets(parts)
    follower.wait_until(lambda: {part: consumer.committed(part) for part in parts} == ends)
    consumer.close()
