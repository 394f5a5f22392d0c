"""A file is sent to Kafka unchanged, at the given pace; Ctrl-C loses nothing that was sent."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from kafka import KafkaConsumer, TopicPartition

from deploy.servers.kafka import Kafka
from pipelines.kafka_producer import Pace
from pipelines.replay import main

LINES = b"".join(b"%d,%d,cart,%d\n" % (n % 5, n, 1000 + n // 10) for n in range(500))


@pytest.fixture
def clicks(tmp_path: Path) -> Path:
    path = tmp_path / "clicks.csv"
    path.write_bytes(b"user,item,behavior,time\n" + LINES + b"oh,1,pv,5\n")
    return path


def read(kafka: Kafka, topic: str) -> list[tuple[int, bytes | None, bytes]]:
    consumer = KafkaConsumer(bootstrap_servers=kafka.bootstrap)
    numbers = consumer.partitions_for_topic(topic)
    where = [TopicPartition(topic, number) for number in numbers]
    consumer.assign(where)
    consumer.seek_to_beginning()
    left = sum(consumer.end_offsets(where).values())
    found: list[tuple[int, bytes | None, bytes]] = []
    while len(found) < left:
        for part in consumer.poll(1000).values():
            found += [(record.partition, record.key, record.value) for record in part]
    consumer.close()
    return found


@pytest.mark.servers
@pytest.mark.parametrize("keep", [False, True])
def test_all_events_arrive_in_each_users_order(
    kafka: Kafka, unique: str, clicks: Path, keep: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [f"--input={clicks}", f"--output={kafka.url}/{unique}"]
    assert main([*arguments, *(["--keep_malformed"] if keep else [])]) == 0
    assert f" {500 + keep} " in capsys.readouterr().out
    found = read(kafka, unique)
    for user in range(5):
        mine = [(part, value) for part, key, value in found if key == b"%d" % user]
        assert len({part for part, _ in mine}) == 1
        assert [value for _, value in mine] == [
            b"%d,%d,%d,cart" % (user, n, 1000 + n // 10) for n in range(user, 500, 5)
        ]
    assert [value for _, key, value in found if key is None] == ([b"oh,1,pv,5"] if keep else [])


@pytest.mark.servers
def test_json(kafka: Kafka, unique: str, clicks: Path) -> None:
    assert main([f"--input={clicks}", f"--output={kafka.url}/{unique}", "--format=json"]) == 0
    wanted = b'{"user": 0, "item": 0, "time": 1000, "behavior": "cart"}'
    assert wanted in [value for _, _, value in read(kafka, unique)]


class Clock:
    """A clock that only `sleep` advances."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.mark.parametrize(
    ("rate", "speed", "seconds"), [(500.0, None, 1.0), (None, 50.0, 1.0), (None, None, 0)]
)
def test_the_pace_is_kept(rate: float | None, speed: float | None, seconds: float) -> None:
    clock = Clock()
    pace = Pace(rate, speed, clock, clock.sleep)
    for n in range(501):
        pace.wait(1000 + n // 10)
    assert clock.now - 100.0 == pytest.approx(seconds, abs=0.002)


@pytest.mark.servers
def test_ctrl_c_flushes_and_says_how_many(kafka: Kafka, unique: str, clicks: Path) -> None:
    command = [sys.executable, "-m", "pipelines.replay", f"--input={clicks}", "--rate=5"]
    run = subprocess.Popen(
        [*command, f"--output={kafka.url}/{unique}"], stdout=subprocess.PIPE, text=True
    )
    waiting = KafkaConsumer(unique, bootstrap_servers=kafka.bootstrap, auto_offset_reset="earliest")
    until = time.monotonic() + 200
    while not waiting.poll(200) and time.monotonic() < until:
        assert run.poll() is None
    waiting.close()
    run.send_signal(signal.SIGINT)
    said, _ = run.communicate(timeout=200)
    assert run.returncode == 130
    assert "Interrupted" in said
    sent = len(read(kafka, unique))
    assert 0 < sent < 500
    assert f" {sent} " in said


@pytest.mark.parametrize(
    "arguments",
    [
        ["--output=kafka://h:1/t"],
        ["--input=nowhere.csv", "--output=kafka://h:1/t"],
        ["--input={clicks}", "--output=nowhere"],
        ["--input={clicks}", "--output=kafka://h:1/t", "--rate=0"],
        ["--input={clicks}", "--output=kafka://h:1/t", "--rate=1", "--speed=1"],
    ],
)
def test_a_bad_option_is_one_line(
    clicks: Path, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        main([argument.format(clicks=clicks) for argument in arguments])
    assert stop.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1
