"""Kafka's source inside a pipeline beside a bare poll loop that parses nothing, in one run.

    python -m benchmarks.kafka --events=300000

Starts a broker of its own on a free port, below a temporary folder, and fills one partition.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import apache_beam as beam
from kafka import KafkaProducer, TopicPartition
from rich.console import Console
from rich.table import Table

from deploy.servers.kafka import Kafka
from sources.kafka.consumers import connect
from sources.kafka.job_state import state_of
from sources.kafka.polls import POLL_MS, POLL_RECORDS
from sources.kafka.url import parse_url
from sources.options import InputSettings, KafkaSettings
from sources.read import ReadEvents
from transforms.progress import SHARED_PROGRESS

TOPIC = "clicks"


def fill(bootstrap: str, events: int) -> None:
    """Puts events on partition 0 of the topic."""
    producer = KafkaProducer(bootstrap_servers=bootstrap, linger_ms=20, batch_size=1 << 16)
    for n in range(events):
        value = b"%d,%d,%d,pv" % (n % 90_000, n % 700_000, 1_511_658_000 + n // 500)
        producer.send(TOPIC, value, partition=0)
    producer.flush()
    producer.close()


def bare(url: str, events: int) -> float:
    """Seconds to poll all the events, with the source's own settings, and look at none."""
    begun = time.perf_counter()
    consumer = connect(parse_url(url))
    where = TopicPartition(TOPIC, 0)
    consumer.assign([where])
    consumer.seek(where, 0)
    seen = 0
    while seen < events:
        seen += len(consumer.poll(POLL_MS, POLL_RECORDS).get(where, ()))
    seconds = time.perf_counter() - begun
    consumer.close()
    return seconds


def pipeline(url: str, events: int) -> float:
    """Seconds that a pipeline takes to read and count the events, start-up included."""
    begun = time.perf_counter()
    made = beam.Pipeline()
    read = made | ReadEvents(InputSettings(url), KafkaSettings(kafka_stop_at="latest"))
    _ = read.events | "Count" >> beam.Map(len)
    result = made.run()
    result.wait_until_finish()
    seconds = time.perf_counter() - begun
    counters = result.metrics().query(beam.metrics.MetricsFilter().with_name("events"))["counters"]
    if sum(counter.committed for counter in counters) != events:
        raise RuntimeError("the pipeline did not read every event")
    return seconds


def main() -> None:
    """Measures both, in turns, and prints a table."""
    made = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    made.add_argument(
        "--events", type=int, default=300_000, help="events to read (default: %(default)s)"
    )
    made.add_argument(
        "--rounds", type=int, default=3, help="the best of so many (default: %(default)s)"
    )
    given = made.parse_args()
    with tempfile.TemporaryDirectory() as folder, Kafka(Path(folder)) as server:
        url = f"{server.url}/{TOPIC}"
        fill(server.bootstrap, given.events)
        rounds = [
            (bare(url, given.events), pipeline(url, given.events)) for _ in range(given.rounds)
        ]
        state_of(SHARED_PROGRESS, parse_url(url)).close()
    table = Table(title=f"Kafka, {given.events:,} events, one partition, best of {given.rounds}")
    for title in ("what", "events a second", "of the bare loop"):
        table.add_column(title)
    base = min(seconds for seconds, _ in rounds)
    for name, best in (
        ("bare poll loop, nothing parsed", base),
        ("the source in a pipeline (DirectRunner)", min(seconds for _, seconds in rounds)),
    ):
        table.add_row(name, f"{given.events / best:,.0f}", f"{base / best:.0%}")
    Console().print(table)


if __name__ == "__main__":
    main()
