"""--history: files and then a topic give what one file of all events gives."""

import time
from pathlib import Path

import pytest
from kafka import KafkaAdminClient, KafkaProducer, TopicPartition
from kafka.admin import NewTopic
from kafka.errors import OffsetOutOfRangeError

from deploy.servers.kafka import Kafka
from sources.errors import SourceError
from sources.kafka.partitions import list_partitions
from sources.kafka.url import parse_url
from sources.options import InputSettings, KafkaSettings
from sources.read import ReadEvents
from tests.flink.stream import write_file
from tests.graph import run_job
from tests.oracle.events import Event
from tests.pipelines.streams import BOUND, START, clicks


def make_topic(kafka: Kafka, name: str) -> str:
    """Creates a topic that keeps records of any age; its URL."""
    admin = KafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    admin.create_topics([NewTopic(name, 3, 1, topic_configs={"retention.ms": "-1"})])
    admin.close()
    return f"{kafka.url}/{name}"


def produce(kafka: Kafka, topic: str, events: list[Event]) -> None:
    """Sends the events; each record's timestamp is a little after its event."""
    producer = KafkaProducer(bootstrap_servers=kafka.bootstrap)
    for e in events:
        value = f"{e.user},{e.item},{e.time},{e.behavior}".encode()
        producer.send(topic, value, partition=e.user % 3, timestamp_ms=(e.time + BOUND) * 1000)
    producer.flush()
    producer.close()


@pytest.mark.servers
@pytest.mark.slow
def test_files_and_a_topic_are_one_stream(kafka: Kafka, unique: str, tmp_path: Path) -> None:
    events = clicks(5)
    half = len(events) // 2
    url = make_topic(kafka, unique)
    # The topic has all events; the files have the first half of them, as they arrived.
    produce(kafka, unique, events)
    for name, part in (
        ("all", events),
        ("one", events[: half // 2]),
        ("two", events[half // 2 : half]),
    ):
        write_file(tmp_path / f"{name}.csv", part)
    for name in ("file", "both"):
        (tmp_path / name).mkdir()
    wanted = run_job(tmp_path / "file", f"--input={tmp_path}/all.csv")
    history = [f"--history={tmp_path}/{name}.csv" for name in ("one", "two")]
    found = run_job(
        tmp_path / "both", f"--input={url}", "--kafka_stop_at=latest", "--max_future=0", *history
    )
    assert sorted(found.records) == sorted(wanted.records)
    assert found[1:5] == wanted[1:5]
    count = found.summary.get
    assert count("late") == 0
    assert count("lines") == count("closed") + count("duplicates") + count("malformed")
    # The topic is read from where the files end, but for a margin.
    last = max(event.time for event in events[:half])
    read = sum(event.time + BOUND >= last - 10 for event in events)
    assert half < read + half < count("lines") < len(events) + half


@pytest.mark.servers
def test_records_that_may_be_missing(kafka: Kafka, unique: str, tmp_path: Path) -> None:
    events = [Event(START + number, 1, 3 * number, "pv") for number in range(10)]
    url = make_topic(kafka, unique)
    produce(kafka, unique, events)
    admin = KafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    until = time.monotonic() + 60
    while True:
        try:
            admin.delete_records({TopicPartition(unique, 0): 6})
            break
        except OffsetOutOfRangeError:  # The high watermark is not there yet.
            assert time.monotonic() < until
            time.sleep(0.1)
    admin.close()

    def starts(last: int) -> list[int]:
        write_file(tmp_path / "f.csv", [Event(last, 1, 1, "pv")])
        chosen = InputSettings(url, history=(f"{tmp_path}/f.csv",), max_future=0)
        made = ReadEvents(chosen, KafkaSettings(max_out_of_orderness=0))
        found = list_partitions(parse_url(url), made.source.watch.start, bounded=False)
        return [partition.start for partition in found]

    # Records 6 to 9 are left. That of START + 14 is the one of an event of START + 6.
    assert starts(START + BOUND + 7) == [7, 0, 0]
    with pytest.raises(SourceError, match="records before offset 6 were deleted"):
        starts(START + BOUND + 6)
    assert starts(START + 100) == [10, 0, 0]


def test_a_history_is_for_a_topic() -> None:
    (problem,) = InputSettings("clicks.csv", history=("old.csv",)).problems()
    assert problem.startswith("--history is for files before a topic")
    (problem,) = InputSettings("kafka://h:1/t", history_schema="steam").problems()
    assert problem.startswith("--history_schema needs --history")
    assert not InputSettings(
        "kafka://h:1/t", columns="user,item,time", history=("old.csv",)
    ).problems()


def test_files_without_an_event_leave_the_topic_whole(tmp_path: Path) -> None:
    (tmp_path / "f.csv").write_text("user,item,time\n")
    chosen = InputSettings("kafka://h:1/t", history=(f"{tmp_path}/f.csv",))
    assert ReadEvents(chosen).source.watch.start == "earliest"
