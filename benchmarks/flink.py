"""The main job on a standalone Flink cluster: speed, latency, and hot items in two forms.

    python -m benchmarks.flink [--events 300000] [--rate 0]

Everything from a real Kafka. Speed: from the first event read to the end of time at every step, at
parallelism 1 and 2, beside a bare consumer; the whole graph into all three stores too, else without
any. Latency: at half of the best speed into the stores (or `--rate`), event time as fast as the
clock, into all three stores: from the moment when the event that lets the watermark pass T was
sent, to the row in Redis; the first T of a job, at which workers load what they need, is told by
itself. Hot items (Nexmark's query 5: the most clicked of a sliding hour, every 80 s): our popular
branch and its per-event form.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
import redis
from kafka import KafkaConsumer, TopicPartition
from rich.console import Console
from rich.table import Table

from benchmarks.cluster import Site, site
from pipelines import replay, simulate
from pipelines.flink.job import FlinkJob
from transforms.messages.events import Int64s

PARTITIONS = 2
LOOK_S = 0.2
OUT_OF_ORDERNESS = 2
"""Seconds that the watermark stays behind, in the run for latency: it is not part of latency."""

WATCHED = 200
PAUSE_S = 0.05


def bare(url: str, events: int) -> float:
    """Events a second of a consumer that looks at none."""
    address, topic = url.removeprefix("kafka://").split("/")
    consumer = KafkaConsumer(bootstrap_servers=address)
    where = [TopicPartition(topic, number) for number in range(PARTITIONS)]
    consumer.assign(where)
    consumer.seek_to_beginning()
    begun, seen = time.perf_counter(), 0
    while seen < events:
        seen += sum(map(len, consumer.poll(200, max_records=5000).values()))
    speed = events / (time.perf_counter() - begun)
    consumer.close()
    return speed


def speed(
    here: Site, folder: Path, url: str, events: int, module: str, parallelism: int, written: bool
) -> float:
    """Events a second of a job, from the first event to the end of time at every step."""
    name = f"{module}-{parallelism}-{time.time_ns()}"
    here.clear()
    with ExitStack() as stack:
        here.submit(
            stack, folder, url, "--kafka_stop_at=latest", f"--job_name={name}",
            parallelism=parallelism, module=module, written=written,
        )  # fmt: skip
        job = FlinkJob(here.cluster.url, name)
        while not (job.state() == "RUNNING" and job.counters().get("events")):
            time.sleep(LOOK_S)
        begun = time.perf_counter()
        while not job.is_idle():
            time.sleep(LOOK_S)
        seconds = time.perf_counter() - begun
        job.cancel()
    return events / seconds


@dataclass(frozen=True)
class Stream:
    """A made stream, ready to be sent.

    Attributes:
        times: int64 [n], seconds since the epoch, ascending.
        text: the events as lines for Kafka's producer: user, tab, Rivulet's CSV.
        ends: int64 [n + 1], where the lines end in `text`, 0 first.
        users: those of the first tenth, ascending.
    """

    times: Int64s
    text: bytes
    ends: Int64s
    users: list[str]

    @staticmethod
    def read(path: Path) -> Stream:
        """The stream of a CSV file that `pipelines.simulate` has made."""
        rows = [line.split(",") for line in path.read_text().splitlines()[1:]]
        lines = [
            f"{user}\t{user},{item},{time},{behavior}\n" for user, item, behavior, time in rows
        ]
        return Stream(
            np.array([int(row[3]) for row in rows]),
            "".join(lines).encode(),
            np.cumsum([0, *map(len, lines)]),
            sorted({row[0] for row in rows[: len(rows) // 10]}),
        )

    def lines(self, start: int, end: int) -> bytes:
        """The events from one place to another."""
        return self.text[self.ends[start] : self.ends[end]]


def latency(here: Site, folder: Path, rate: int, seconds: int) -> dict[int, list[float]]:
    """By T: seconds from the watermark's passing it to each watched user's row in Redis."""
    path = folder / "live.csv"
    simulate.main(
        [f"--output={path}", f"--events={rate * seconds}", f"--rate={rate}",
         f"--users={max(20_000, rate * 30)}", "--out_of_orderness=0"]
    )  # fmt: skip
    stream = Stream.read(path)
    topic = f"live-{rate}"
    url = here.topic(topic, PARTITIONS)
    store = redis.Redis.from_url(here.stores[-1], decode_responses=True)
    name = f"latency-{time.time_ns()}"
    found: dict[int, list[float]] = {}
    here.clear()
    with ExitStack() as stack:
        here.submit(
            stack, folder, url, f"--job_name={name}",
            f"--max_out_of_orderness={OUT_OF_ORDERNESS}",
        )  # fmt: skip
        pipe = here.producer(stack, topic)
        job = FlinkJob(here.cluster.url, name)
        while job.state() != "RUNNING":
            time.sleep(1)
        keys = [f"recommendations:{user}:time" for user in stream.users[:WATCHED]]
        last: dict[str, bytes | str] = dict.fromkeys(keys, "0")
        passed: dict[int, float] = {}
        begun, sent = time.perf_counter(), 0
        while sent < len(stream.times):
            now = int(stream.times[0] + (time.perf_counter() - begun))
            until = int(np.searchsorted(stream.times, now, side="right"))
            pipe.write(stream.lines(sent, until))
            pipe.flush()
            sent = until
            passed.setdefault(now - OUT_OF_ORDERNESS, time.perf_counter())
            for key, value in zip(keys, store.mget(keys), strict=True):
                if value is not None and value != last[key]:
                    last[key] = value
                    moment = int(value)
                    if moment in passed:
                        delay = time.perf_counter() - passed[moment]
                        found.setdefault(moment, []).append(delay)
            time.sleep(PAUSE_S)
        job.cancel()
    return found


def speeds(here: Site, folder: Path, many: int, few: int, table: Table) -> float:
    """Measures all that the table compares, and gives the best speed into the stores.

    Args:
        here: what runs.
        folder: takes the streams.
        many: events of the stream.
        few: events of the one for the per-event form.
        table: gets a row for each.
    """
    urls = {}
    for topic, events in (("many", many), ("few", few)):
        path = folder / f"{topic}.csv"
        simulate.main([f"--output={path}", f"--events={events}", "--rate=500"])
        urls[topic] = here.topic(topic, PARTITIONS)
        replay.main([f"--input={path}", f"--output={urls[topic]}"])
    table.add_row("bare consumer", f"{bare(urls['many'], many):,.0f}")
    best = 0.0
    for label, module, topic, written in (
        ("whole graph into the stores", "pipelines.recommend", "many", True),
        ("whole graph, no stores", "pipelines.recommend", "many", False),
        ("popular branch (query 5)", "pipelines.popular", "many", False),
        ("query 5, per event", "benchmarks.hot_items", "few", False),
    ):
        for parallelism in (1, 2):
            events = many if topic == "many" else few
            found = speed(here, folder, urls[topic], events, module, parallelism, written)
            table.add_row(f"{label}, parallelism {parallelism}", f"{found:,.0f}")
            best = max(best, found) if written else best
    return best


def main() -> None:
    """Measures and prints the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    add = parser.add_argument
    add("--events", type=int, default=300_000, help="of the stream (default: %(default)s)")
    add("--few", type=int, default=20_000,
        help="for the per-event form (default: %(default)s)")  # fmt: skip
    add("--rate", type=int, nargs="+", default=[],
        help="events a second for latency (default: half of the best speed into the stores, "
        "at most 20,000); where it is given, latency alone is measured")  # fmt: skip
    add("--seconds", type=int, default=180, help="of latency (default: %(default)s)")
    given = parser.parse_args()
    table = Table(title="Standalone Flink from Kafka, two task managers of one slot")
    table.add_column("what")
    table.add_column("events a second", justify="right")
    console = Console()
    found: dict[int, dict[int, list[float]]] = {}
    with tempfile.TemporaryDirectory() as name, site(Path(name) / "servers") as here:
        folder = Path(name)
        rates = given.rate
        if not rates:
            best = speeds(here, folder, given.events, given.few, table)
            rates = [min(int(best / 2), 20_000)]
        for rate in rates:
            found[rate] = latency(here, folder, rate, given.seconds)
    if table.row_count:
        console.print(table)
    for rate, delays in found.items():
        show(console, rate, delays)


def show(console: Console, rate: int, delays: dict[int, list[float]]) -> None:
    """Prints what `latency` gave: the first T, at which workers load what they need, apart."""
    console.print(f"Watermark passes T to row in Redis, {rate:,} events a second")
    by_moment = [delays[moment] for moment in sorted(delays)]
    first, rest = (list(chain(*rows)) for rows in (by_moment[:1], by_moment[1:]))
    for label, rows in ((f"T's 2 to {len(delays)}", rest), ("first T of the job", first)):
        if not rows:
            continue
        p50, p90, p99 = np.percentile(rows, [50, 90, 99])
        console.print(
            f"  {label}: {len(rows):,} rows, p50 {p50:.2f} s, p90 {p90:.2f} s, p99 {p99:.2f} s"
        )
    medians = " ".join(f"{np.median(rows):.2f}" for rows in by_moment)
    console.print(f"  median of each T: {medians}")


if __name__ == "__main__":
    main()
