"""Speed of the Kafka source in a pipeline and of a bare poll loop that parses nothing.

    python -m benchmarks.kafka --events=300000

Starts a broker on a free port with a temporary data folder, and fills one partition.
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import apache_beam as beam
from kafka import KafkaProducer, TopicPartition
from rich.console import Console
from rich.table import Table

from benchmarks.options import read_settings
from deploy.servers.kafka import Kafka
from rivulet.settings import option
from sources.kafka.consumers import connect
from sources.kafka.job_state import state_of
from sources.kafka.polls import POLL_MS, POLL_RECORDS
from sources.kafka.url import parse_url
from sources.options import InputSettings, KafkaSettings
from sources.read import ReadEvents
from transforms.progress import SHARED_PROGRESS

TOPIC = "clicks"


@dataclass(frozen=True)
class KafkaBenchmarkSettings:
    """Benchmark.

    Attributes:
        events: events to read.
        rounds: number of runs, of which the fastest counts.
    """

    events: int = option(300_000, "N", least=1)
    rounds: int = option(3, "N", least=1)


def fill(bootstrap: str, events: int) -> None:
    """Sends events to partition 0 of the topic."""
    producer = KafkaProducer(bootstrap_servers=bootstrap, linger_ms=20, batch_size=1 << 16)
    for n in range(events):
        value = b"%d,%d,%d,pv" % (n % 90_000, n % 700_000, 1_511_658_000 + n // 500)
        producer.send(TOPIC, value, partition=0)
    producer.flush()
    producer.close()


def bare(url: str, events: int) -> float:
    """Seconds to poll all events with the source's settings, without parsing them."""
    started = time.perf_counter()
    consumer = connect(parse_url(url))
    where = TopicPartition(TOPIC, 0)
    consumer.assign([where])
    consumer.seek(where, 0)
    received = 0
    while received < events:
        received += len(consumer.poll(POLL_MS, POLL_RECORDS).get(where, ()))
    seconds = time.perf_counter() - started
    consumer.close()
    return seconds


def pipeline(url: str, events: int) -> float:
    """Seconds of a pipeline that reads and counts the events, start included."""
    started = time.perf_counter()
    built = beam.Pipeline()
    read = built | ReadEvents(InputSettings(url), KafkaSettings(kafka_stop_at="latest"))
    _ = read.events | "Count" >> beam.Map(len)
    result = built.run()
    result.wait_until_finish()
    seconds = time.perf_counter() - started
    counters = result.metrics().query(beam.metrics.MetricsFilter().with_name("events"))["counters"]
    if sum(counter.committed for counter in counters) != events:
        raise RuntimeError("the pipeline did not read every event")
    return seconds


def main() -> None:
    """Measures both, alternately, and prints a table."""
    chosen = read_settings("kafka", __doc__, KafkaBenchmarkSettings)
    with tempfile.TemporaryDirectory() as folder, Kafka(Path(folder)) as server:
        url = f"{server.url}/{TOPIC}"
        fill(server.bootstrap, chosen.events)
        rounds = [
            (bare(url, chosen.events), pipeline(url, chosen.events)) for _ in range(chosen.rounds)
        ]
        state_of(SHARED_PROGRESS, parse_url(url)).close()
    table = Table(title=f"Kafka, {chosen.events:,} events, one partition, best of {chosen.rounds}")
    for title in ("reader", "events a second", "share of the bare loop"):
        table.add_column(title)
    base = min(seconds for seconds, _ in rounds)
    for name, best in (
        ("bare poll loop without parsing", base),
        ("the source in a pipeline (DirectRunner)", min(seconds for _, seconds in rounds)),
    ):
        table.add_row(name, f"{chosen.events / best:,.0f}", f"{base / best:.0%}")
    Console().print(table)


if __name__ == "__main__":
    main()
