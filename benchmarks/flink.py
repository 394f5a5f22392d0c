"""Speed and latency of the main job on a standalone Flink cluster, reading from Kafka.

    python -m benchmarks.flink [--events 300000] [--rate 3000]

Speed: events a second from the first event read until all steps have the maximum watermark, with
parallelism 1 and 2, for the whole graph with and without stores, a bare consumer, and Nexmark's
query 5 (hot items: the most clicked items of a sliding hour, every 80 s) as our popular branch and
as a per-event pipeline.

Latency: with three stores and event time as fast as the clock, from the moment when the event is
sent that advances the watermark past a ranking time, to the row in Redis. The rate is half of the
best speed with stores, or `--rate`. The first ranking time of a job is shown apart, because workers
set up their steps then.
"""

from __future__ import annotations

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
from benchmarks.options import read_settings
from pipelines import replay, simulate
from pipelines.flink.job import FlinkJob
from rivulet.settings import option
from transforms.messages.events import Int64s

PARTITIONS = 2
POLL_S = 0.2
OUT_OF_ORDERNESS = 2
"""`--max_out_of_orderness` when latency is measured, in seconds; it is not part of the latency."""

WATCHED_USERS = 200
SEND_PERIOD_S = 0.05
MAX_RATE = 20_000


@dataclass(frozen=True)
class FlinkBenchmarkSettings:
    """Benchmark.

    Attributes:
        events: events of the stream.
        few: events of the stream for the per-event pipeline.
        rate: events a second for the latency; may be repeated; then only latency is measured.
        seconds: duration of each measurement of latency, in seconds.
    """

    events: int = option(300_000, "N", least=1)
    few: int = option(20_000, "N", least=1)
    rate: tuple[int, ...] = option(
        (), "N", least=1, several=True, shown=f"half of the best speed, at most {MAX_RATE}"
    )
    seconds: int = option(180, "SECONDS", least=60)


def bare(url: str, events: int) -> float:
    """Events a second of a consumer that does not parse them."""
    address, topic = url.removeprefix("kafka://").split("/")
    consumer = KafkaConsumer(bootstrap_servers=address)
    where = [TopicPartition(topic, number) for number in range(PARTITIONS)]
    consumer.assign(where)
    consumer.seek_to_beginning()
    started, received = time.perf_counter(), 0
    while received < events:
        received += sum(map(len, consumer.poll(200, max_records=5000).values()))
    speed = events / (time.perf_counter() - started)
    consumer.close()
    return speed


def speed(
    here: Site,
    folder: Path,
    url: str,
    events: int,
    module: str,
    parallelism: int,
    with_stores: bool,
) -> float:
    """Events a second of a job, from the first event until all steps have the maximum watermark."""
    name = f"{module}-{parallelism}-{time.time_ns()}"
    here.clear()
    with ExitStack() as stack:
        here.submit(
            stack, folder, url, "--kafka_stop_at=latest", f"--job_name={name}",
            parallelism=parallelism, module=module, with_stores=with_stores,
        )  # fmt: skip
        job = FlinkJob(here.cluster.url, name)
        while not (job.state() == "RUNNING" and job.counters().get("events")):
            time.sleep(POLL_S)
        started = time.perf_counter()
        while not job.is_idle():
            time.sleep(POLL_S)
        seconds = time.perf_counter() - started
        job.cancel()
    return events / seconds


@dataclass(frozen=True)
class Stream:
    """A stream in the form in which it is sent.

    Attributes:
        times: int64 [n], seconds since the epoch, ascending.
        text: the events as lines for Kafka's producer: user, tab, Rivulet's CSV.
        ends: int64 [n + 1], ends of the lines in `text`, after a 0.
        users: the users of the first tenth of the events, sorted as texts.
    """

    times: Int64s
    text: bytes
    ends: Int64s
    users: list[str]

    @staticmethod
    def read(path: Path) -> Stream:
        """The stream of a CSV file of `pipelines.simulate`."""
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
        """The lines of the events from index `start` to `end`."""
        return self.text[self.ends[start] : self.ends[end]]


def latency(here: Site, folder: Path, rate: int, seconds: int) -> dict[int, list[float]]:
    """Measures the latency.

    Returns:
        By ranking time, the seconds from the watermark's passing it to each watched user's row in
        Redis.
    """
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
        keys = [f"recommendations:{user}:time" for user in stream.users[:WATCHED_USERS]]
        last: dict[str, bytes | str] = dict.fromkeys(keys, "0")
        passed: dict[int, float] = {}
        started, sent = time.perf_counter(), 0
        while sent < len(stream.times):
            now = int(stream.times[0] + (time.perf_counter() - started))
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
            time.sleep(SEND_PERIOD_S)
        job.cancel()
    return found


def speeds(here: Site, folder: Path, many: int, few: int, table: Table) -> float:
    """Measures the speed of all jobs.

    Args:
        here: the servers.
        folder: folder of the streams.
        many: events of the stream.
        few: events of the stream for the per-event pipeline.
        table: a row is added for each measurement.

    Returns:
        The best speed of the whole graph with stores.
    """
    urls = {}
    for topic, events in (("many", many), ("few", few)):
        path = folder / f"{topic}.csv"
        simulate.main([f"--output={path}", f"--events={events}", "--rate=500"])
        urls[topic] = here.topic(topic, PARTITIONS)
        replay.main([f"--input={path}", f"--output={urls[topic]}"])
    table.add_row("bare consumer", f"{bare(urls['many'], many):,.0f}")
    best = 0.0
    for label, module, topic, with_stores in (
        ("whole graph into the stores", "pipelines.recommend", "many", True),
        ("whole graph, no stores", "pipelines.recommend", "many", False),
        ("popular branch (query 5)", "pipelines.popular", "many", False),
        ("query 5, per event", "benchmarks.hot_items", "few", False),
    ):
        for parallelism in (1, 2):
            events = many if topic == "many" else few
            found = speed(here, folder, urls[topic], events, module, parallelism, with_stores)
            table.add_row(f"{label}, parallelism {parallelism}", f"{found:,.0f}")
            best = max(best, found) if with_stores else best
    return best


def main() -> None:
    """Measures and prints the results."""
    chosen = read_settings("flink", __doc__, FlinkBenchmarkSettings)
    table = Table(title="Standalone Flink from Kafka, two task managers of one slot")
    table.add_column("job")
    table.add_column("events a second", justify="right")
    console = Console()
    found: dict[int, dict[int, list[float]]] = {}
    with tempfile.TemporaryDirectory() as name, site(Path(name) / "servers") as here:
        folder = Path(name)
        rates = list(chosen.rate)
        if not rates:
            best = speeds(here, folder, chosen.events, chosen.few, table)
            rates = [min(int(best / 2), MAX_RATE)]
        for rate in rates:
            found[rate] = latency(here, folder, rate, chosen.seconds)
    if table.row_count:
        console.print(table)
    for rate, delays in found.items():
        show(console, rate, delays)


def show(console: Console, rate: int, delays: dict[int, list[float]]) -> None:
    """Prints the latencies, with the first ranking time apart."""
    console.print(
        f"From the watermark at a ranking time to the row in Redis, {rate:,} events a second"
    )
    by_moment = [delays[moment] for moment in sorted(delays)]
    first, rest = (list(chain(*rows)) for rows in (by_moment[:1], by_moment[1:]))
    for label, rows in ((f"ranking times 2 to {len(delays)}", rest), ("first ranking time", first)):
        if not rows:
            continue
        p50, p90, p99 = np.percentile(rows, [50, 90, 99])
        console.print(
            f"  {label}: {len(rows):,} rows, p50 {p50:.2f} s, p90 {p90:.2f} s, p99 {p99:.2f} s"
        )
    medians = " ".join(f"{np.median(rows):.2f}" for rows in by_moment)
    console.print(f"  median of each ranking time: {medians}")


if __name__ == "__main__":
    main()
