"""Memory, state and checkpoints of the main job on a cluster, over a long time at a constant rate.

    python -m benchmarks.soak [--minutes 20] [--rate 500] [--plot docs/soak.svg]

The job reads Kafka and writes to MongoDB, MariaDB and Redis on a standalone Flink cluster with
RocksDB, or with state in memory (`--backend hashmap`), whose reported sizes are exact. Event time
is ten times as fast as the clock: the longest window, an hour, is full after six minutes. Every
five seconds the benchmark records the memory of all processes, the size of state and checkpoint,
the duration of the checkpoint, and the delay of the watermark.

With `--poison`, a fraction of the lines are malformed or events from the future. At the end, the
tables are compared with those of a batch run over the same stream (`benchmarks.soak_check`).
"""

from __future__ import annotations

import csv
import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.cluster import Site, site
from benchmarks.options import read_settings
from benchmarks.soak_check import Comparison, compare, run_batch
from deploy.flink.settings import BACKENDS
from pipelines import simulate
from pipelines.flink.job import FlinkJob
from rivulet.settings import option
from simulation.options import DEFAULT_START

ROOT = Path(__file__).parents[1]
PERIOD_S = 5.0
SPEED = 10
JOB = "rivulet-soak"
MIB = 1 << 20
SIZES = ("state", "checkpoint")


@dataclass(frozen=True)
class SoakSettings:
    """Benchmark.

    Attributes:
        minutes: duration, in minutes.
        rate: events a second.
        users: users of the stream.
        backend: Flink's state backend.
        poison: malformed lines and events from the future, as a fraction of the events.
        plot: file of the plot.
        table: file of the measurements, as CSV.
    """

    minutes: float = option(20.0, "MINUTES", above=0)
    rate: int = option(500, "N", least=1)
    users: int = option(5000, "N", least=1)
    backend: str = option("rocksdb", choices=BACKENDS)
    poison: float = option(0.0, "FRACTION", least=0, most=1)
    plot: Path = option(Path("docs/soak.svg"), "FILE")
    table: Path = option(Path("soak.csv"), "FILE")


def memory(pid: int) -> int:
    """A process's memory in MiB, with its share of the pages that several processes use."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    except OSError:
        return 0
    (line,) = (line for line in text.splitlines() if line.startswith("Pss:"))
    return int(line.split()[1]) // 1024


def measurements(here: Site, job: FlinkJob, started: float, newest: float) -> dict[str, float]:
    """The current measurements, by name.

    Args:
        here: the servers.
        job: the job.
        started: when the stream was started, by the monotonic clock.
        newest: event time of the stream now, in seconds since the epoch.
    """
    found: dict[str, float] = {"minute": (time.monotonic() - started) / 60}
    servers = [*here.cluster.servers, here.kafka]
    for server in servers:
        found[f"{server.name} MiB"] = memory(server.process.pid) if server.process else 0
    for number, worker in enumerate(here.cluster.worker_pool.workers(), 1):
        found[f"worker {number} MiB"] = memory(worker.pid)
    try:
        latest: Any = job.checkpoints()["latest"].get("completed") or {}
        found["state MiB"] = latest.get("state_size", 0) / MIB
        found["checkpoint MiB"] = latest.get("checkpointed_size", 0) / MIB
        found["checkpoint seconds"] = latest.get("end_to_end_duration", 0) / 1000
        for step, size in job.state_sizes().items():
            found[f"state of {step[:48]}"] = size / MIB
        watermark = job.event_time()
        found["watermark delay s"] = (newest - watermark) / SPEED if watermark is not None else 0
        found["events"] = job.counters().get("events", 0)
    except OSError:
        pass  # Flink is too busy to answer: these measurements are missing.
    return found


def measure(
    chosen: SoakSettings, folder: Path
) -> tuple[list[dict[str, float]], list[Comparison], int]:
    """Runs the job and records measurements until the stream ends.

    Returns:
        The measurements, the comparisons with a batch run, and the number of dead letters.
    """
    stream = folder / "stream.csv"
    events = int(chosen.minutes * 60 * chosen.rate)
    simulate.main(
        [f"--output={stream}", f"--events={events}", f"--rate={chosen.rate / SPEED}",
         f"--users={chosen.users}", f"--malformed={chosen.poison / 2}",
         f"--future={chosen.poison / 2}"]
    )  # fmt: skip
    batch = run_batch(stream, folder)
    lines: list[dict[str, float]] = []
    with site(folder / "servers", chosen.backend) as here, ExitStack() as stack:
        url = here.topic("soak", partitions=2)
        here.submit(stack, folder, url, f"--job_name={JOB}")
        job = FlinkJob(here.cluster.url, JOB)
        while job.state() != "RUNNING":
            time.sleep(1)
        replay = subprocess.Popen(
            (sys.executable, "-m", "pipelines.replay", f"--input={stream}", f"--output={url}",
             f"--rate={chosen.rate}", "--keep_malformed"),
            cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        stack.callback(replay.kill)
        started = time.monotonic()
        while replay.poll() is None:
            time.sleep(PERIOD_S)
            newest = DEFAULT_START + (time.monotonic() - started) * SPEED
            lines.append(measurements(here, job, started, newest))
            write(chosen.table, lines)
        comparisons = compare(here.stores[1], batch)
        dead_letters = len((folder / "dead.jsonl").read_bytes().splitlines())
    return lines, comparisons, dead_letters


def show(chosen: SoakSettings, lines: list[dict[str, float]], comparisons: list[Comparison],
         dead_letters: int) -> None:  # fmt: skip
    """Prints the growth of memory and state, and the comparisons."""
    console = Console()
    table = Table("MiB", "middle third, maximum", "last third, maximum")
    third = len(lines) // 3
    for name in (name for name in lines[-1] if name.endswith(" MiB")):
        middle, last = (
            max((line.get(name, 0.0) for line in rows), default=0.0)
            for rows in (lines[third : 2 * third], lines[2 * third :])
        )
        table.add_row(name.removesuffix(" MiB"), f"{middle:,.1f}", f"{last:,.1f}")
    console.print(table)
    table = Table("table", "rows", "lost", "wrong")
    for each in comparisons:
        table.add_row(each.table, *(f"{n:,}" for n in (each.rows, each.lost, each.wrong)))
    console.print(table)
    poisoned = 2 * round(chosen.poison / 2 * int(chosen.minutes * 60 * chosen.rate))
    console.print(f"{dead_letters:,} dead letters of {poisoned:,} poisoned lines")


def write(path: Path, lines: list[dict[str, float]]) -> None:
    """Writes measurements as CSV."""
    names = list(dict.fromkeys(name for line in lines for name in line))
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, names, restval="")
        table.writeheader()
        table.writerows({name: round(value, 3) for name, value in line.items()} for line in lines)


def plot(lines: list[dict[str, float]], path: Path, title: str) -> None:
    """Plots memory, sizes, state by step and delays over time."""
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot as plt

    names = list(dict.fromkeys(name for line in lines for name in line))
    panels = (
        ("memory (MiB)", [n for n in names if n.endswith(" MiB") and n.split()[0] not in SIZES]),
        ("size (MiB)", ["state MiB", "checkpoint MiB"]),
        ("state by step (MiB)", [n for n in names if n.startswith("state of ")]),
        ("seconds", ["checkpoint seconds", "watermark delay s"]),
    )
    figure, axes = plt.subplots(4, 1, figsize=(9, 13), sharex=True)
    for axis, (label, shown) in zip(axes, panels, strict=True):
        for name in shown:
            points = [(line["minute"], line[name]) for line in lines if name in line]
            axis.plot(*zip(*points, strict=True), label=name.removesuffix(" MiB"), linewidth=1)
        axis.set_ylabel(label)
        axis.set_ylim(bottom=0)
        axis.legend(fontsize=7, loc="upper left", bbox_to_anchor=(1, 1))
    axes[0].set_title(title)
    axes[-1].set_xlabel("minutes")
    figure.savefig(path, bbox_inches="tight")


def main() -> None:
    """Measures, and writes the table and the plot."""
    chosen = read_settings("soak", __doc__, SoakSettings)
    with tempfile.TemporaryDirectory() as folder:
        lines, comparisons, dead_letters = measure(chosen, Path(folder))
    show(chosen, lines, comparisons, dead_letters)
    plot(lines, chosen.plot, f"{chosen.rate} events a second, parallelism 2")
    print(f"{chosen.plot} and {chosen.table}")


if __name__ == "__main__":
    main()
