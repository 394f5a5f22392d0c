"""The unbounded source, on Flink's embedded cluster: it follows a topic through everything."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import NewPartitions, NewTopic
from kafka.errors import TopicAlreadyExistsError

from deploy.servers.kafka import Kafka
from pipelines.flink.job_server.build import build_job_server
from sources.kafka.partition import Partition
from sources.kafka.partitions import list_bounded, list_partitions
from sources.kafka.url import KafkaUrl, parse_url

pytestmark = [pytest.mark.servers, pytest.mark.flink, pytest.mark.slow]

ROOT = Path(__file__).parents[3]
START = 1_500_000_000
PATIENCE = 900.0
"""Seconds after which a test gives up; one on an idle machine takes a minute."""


class Follower:
    """The pipeline in a process of its own, and what it wrote."""

    def __init__(self, kafka: Kafka, topic: str, folder: Path) -> None:
        self.output, self.log = folder / "seen.jsonl", folder / "log"
        options = (
            f"--input={kafka.url}/{topic}",
            f"--kafka_group={topic}",
            "--kafka_refresh=1",
            # Longer than a producer or a reader is held up on a busy machine.
            "--idle_timeout=5",
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

    def signal(self, number: int) -> None:
        """Sends a signal to the process and to Flink."""
        os.killpg(self.process.pid, number)

    def stop(self) -> None:
        self.signal(signal.SIGKILL)
        self.process.wait()

    def seen(self, kind: str) -> list[Any]:
        lines = self.output.read_text().splitlines() if self.output.exists() else []
        return [found[kind] for line in lines if kind in (found := json.loads(line))]

    def events(self) -> list[tuple[int, int]]:
        return sorted((user, at) for batch in self.seen("events") for user, at in batch)

    def windows(self) -> dict[int, int]:
        """Events by the start of their window, which each closed once."""
        found = [(start - START, count) for start, count in self.seen("window")]
        assert len(dict(found)) == len(found)
        return dict(found)

    def wait_until(self, what: Callable[[], bool]) -> None:
        until = time.monotonic() + PATIENCE
        while not what():
            assert self.process.poll() is None, self.log.read_text()[-3000:]
            assert time.monotonic() < until, self.log.read_text()[-3000:]
            time.sleep(0.1)

    def wait_for_log(self, words: str) -> None:
        self.wait_until(lambda: words in self.log.read_text())


@pytest.fixture
def follower(kafka: Kafka, unique: str, tmp_path: Path) -> Iterator[Follower]:
    made = Follower(kafka, unique, tmp_path)
    yield made
    made.stop()


@pytest.fixture
def admin(kafka: Kafka) -> Iterator[KafkaAdminClient]:
    made = KafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    yield made
    made.close()


class Clicks:
    """Sends clicks, and waits until the follower has them."""

    def __init__(self, kafka: Kafka, topic: str, follower: Follower) -> None:
        self.producer = KafkaProducer(bootstrap_servers=kafka.bootstrap, metadata_max_age_ms=500)
        self.topic, self.follower = topic, follower
        self.sent: list[tuple[int, int]] = []

    def send(self, partitions: tuple[int, ...], seconds: range) -> None:
        """A click a second on each partition; its user is the partition."""
        for second in seconds:
            for partition in partitions:
                value = f"{partition},7,{START + second}"
                self.producer.send(self.topic, value.encode(), partition=partition)
                self.sent.append((partition, START + second))
        self.producer.flush()
        self.follower.wait_until(lambda: len(self.follower.events()) >= len(self.sent))
        assert self.follower.events() == sorted(self.sent)


@pytest.fixture
def clicks(kafka: Kafka, unique: str, follower: Follower) -> Iterator[Clicks]:
    made = Clicks(kafka, unique, follower)
    yield made
    made.producer.close()


@pytest.mark.timeout(3600)
def test_a_topic_is_followed_through_everything(
    kafka: Kafka, unique: str, admin: KafkaAdminClient, follower: Follower, clicks: Clicks
) -> None:
    follower.wait_for_log(f"{kafka.url}/{unique}: the topic does not exist; waiting")
    admin.create_topics([NewTopic(unique, 3, 1)])

    # Windows close with the slowest partition, ten seconds after their end.
    clicks.send((0, 1, 2), range(30))
    follower.wait_until(lambda: follower.windows() == {0: 30})

    # An event from the future changes nothing.
    poison = f"0,7,{int(time.time()) + 86_400}"
    clicks.producer.send(unique, poison.encode(), partition=0)

    # Two partitions become idle: they hold nothing back.
    clicks.send((0,), range(30, 60))
    follower.wait_until(lambda: follower.windows() == {0: 30, 10: 30, 20: 30, 30: 10})

    # They resume at the topic's time: not late, though they were idle and the clock is years
    # ahead.
    clicks.send((1, 2), range(50, 80))
    follower.wait_until(lambda: follower.windows().get(50) == 30)
    assert follower.seen("late") == []

    # A partition that is added is found, and read from its beginning.
    admin.create_partitions({unique: NewPartitions(4)})
    follower.wait_until(lambda: len(clicks.producer.partitions_for(unique)) == 4)
    clicks.send((3,), range(80, 100))
    follower.wait_until(lambda: follower.windows().get(70) == 20)

    # The broker is away for a while.
    clicks.producer.send(unique, b"no event", partition=3)
    clicks.producer.flush()
    kafka.restart(down_s=2)
    clicks.send((0, 3), range(100, 120))
    letters = [[f"{unique}/0/30", "future"], [f"{unique}/3/20", "too few fields"]]
    follower.wait_until(lambda: len(follower.seen("letter")) == len(letters))
    assert sorted(follower.seen("letter")) == letters

    # The time of a topic without new records stands still: the last ten seconds and their window
    # are not given. The last positions are committed only after some more turns.
    follower.wait_until(lambda: follower.windows().get(90) == 10)
    check_commits(kafka, unique, follower)
    assert max(follower.windows()) == 90
    assert follower.seen("late") == []


def check_commits(kafka: Kafka, topic: str, follower: Follower) -> None:
    """Tools that show the lag see in the end that there is none."""
    consumer = KafkaConsumer(bootstrap_servers=kafka.bootstrap, group_id=topic)
    parts = [TopicPartition(topic, number) for number in range(4)]
    ends = consumer.end_offsets(parts)
    follower.wait_until(lambda: {part: consumer.committed(part) for part in parts} == ends)
    consumer.close()


@pytest.mark.timeout(3600)
def test_records_expire_and_the_topic_is_replaced(
    kafka: Kafka, unique: str, admin: KafkaAdminClient, follower: Follower, clicks: Clicks
) -> None:
    admin.create_topics([NewTopic(unique, 1, 1)])
    clicks.send((0,), range(30))
    url = parse_url(f"{kafka.url}/{unique}")
    (first,) = list_bounded(url, "latest")

    # Records are deleted while the job is stopped. Each is sent after the one before is there: a
    # fetch that waits at the broker is answered with the first, and brings few of the others.
    follower.signal(signal.SIGSTOP)
    for second in range(100):
        value = f"0,7,{START + 30 + second}".encode()
        clicks.producer.send(unique, value, partition=0).get(PATIENCE)
    admin.delete_records({TopicPartition(unique, 0): 90})
    follower.signal(signal.SIGCONT)
    # A fetch that was under way when the job was stopped may have brought some of the records.
    last, deleted = (0, START + 129), {(0, START + second) for second in range(30, 90)}
    follower.wait_until(lambda: last in follower.events())
    fetched = deleted & set(follower.events())
    expired = len(deleted - fetched)
    assert expired
    follower.wait_for_log(f"partition 0: {expired} records were deleted before they were read")
    clicks.sent += sorted(fetched) + [(0, START + second) for second in range(90, 130)]
    clicks.send((0,), range(130, 140))

    admin.delete_topics([unique])
    until = time.monotonic() + PATIENCE
    while not _is_created_again(admin, url, first):
        assert time.monotonic() < until
    follower.wait_for_log(f"{unique}: the topic was created again; reading it from the start")

    # The new topic is read from its beginning, and event time goes on.
    clicks.send((0,), range(140, 170))
    follower.wait_until(lambda: follower.windows().get(140) == 10)
    assert follower.seen("late") == []


def _is_created_again(admin: KafkaAdminClient, url: KafkaUrl, first: Partition) -> bool:
    # It is still being deleted, or a request was repeated of which the answer was lost.
    with contextlib.suppress(TopicAlreadyExistsError):
        admin.create_topics([NewTopic(url.topic, 1, 1)])
    found = list_partitions(url, "latest", bounded=False)
    return bool(found) and found[0].topic_id != first.topic_id
