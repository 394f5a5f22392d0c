"""A stream at a constant rate through the cluster, for long: what grows, and what does not.

    python -m benchmarks.soak [--minutes 20] [--rate 500] [--plot docs/soak.svg]

The main job from a real Kafka into real MongoDB, MariaDB and Redis on a standalone Flink cluster
with RocksDB, or with `--backend hashmap`, in memory, of which the sizes are exact. Event time runs
ten times as fast as the clock, so that the longest window, an hour, is full after six minutes.
Every few seconds: the memory of every process, the size of checkpoint and state, how long a
checkpoint took, how far the watermark is behind.
"""

from __future__ import annotations

import argparse
import csv
import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks.cluster import Site, site
from deploy.flink.settings import BACKENDS
from pipelines import simulate
from pipelines.flink.job import FlinkJob

ROOT = Path(__file__).parents[1]
LOOK_S = 5.0
FASTER = 10
JOB = "rivulet-soak"
MIB = 1 << 20


def memory(pid: int) -> int:
    """A process's own share of memory in MiB (what several share is counted once)."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    except OSError:
        return 0
    (line,) = (line for line in text.splitlines() if line.startswith("Pss:"))
    return int(line.split()[1]) // 1024


def look(here: Site, job: FlinkJob, began: float, newest: float) -> dict[str, float]:
    """One line of measurements."""
    found: dict[str, float] = {"minute": (time.monotonic() - began) / 60}
    servers = [*here.cluster.servers, here.kafka]
    for server in servers:
        found[f"{server.name} MiB"] = memory(server.process.pid) if server.process else 0
    for number, worker in enumerate(here.cluster.worker_pool.workers(), 1):
        found[f"worker {number} MiB"] = memory(worker.pid)
    try:
        told: Any = job.checkpoints()["latest"].get("completed") or {}
        found["state MiB"] = told.get("state_size", 0) / MIB
        found["checkpoint MiB"] = told.get("checkpointed_size", 0) / MIB
        found["checkpoint seconds"] = told.get("end_to_end_duration", 0) / 1000
        for step, size in job.state_sizes().items():
            found[f"state of {step[:48]}"] = size / MIB
        reached = job.event_time()
        found["behind s"] = (newest - reached) / FASTER if reached is not None else 0
        found["events"] = job.counters().get("events", 0)
    except OSError:
        pass  # Flink is busy: this line has no such figures.
    return found


def measure(given: argparse.Namespace, folder: Path) -> list[dict[str, float]]:
    """Runs the job and looks at it; a line each time."""
    stream = folder / "stream.csv"
    events = int(given.minutes * 60 * given.rate)
    simulate.main(
        [f"--output={stream}", f"--events={events}", f"--rate={given.rate / FASTER}",
         f"--users={given.users}"]
    )  # fmt: skip
    start = int(stream.open().readlines(200)[1].split(",")[-1])
    lines: list[dict[str, float]] = []
    with site(folder / "servers", given.backend) as here, ExitStack() as stack:
        url = here.topic("soak", partitions=2)
        here.submit(stack, folder, url, f"--job_name={JOB}")
        job = FlinkJob(here.cluster.url, JOB)
        while job.state() != "RUNNING":
            time.sleep(1)
        replay = subprocess.Popen(
            (sys.executable, "-m", "pipelines.replay", f"--input={stream}", f"--output={url}",
             f"--rate={given.rate}"),
            cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        stack.callback(replay.kill)
        began = time.monotonic()
        while replay.poll() is None:
            time.sleep(LOOK_S)
            newest = start + (time.monotonic() - began) * FASTER
            lines.append(look(here, job, began, newest))
            write(given.table, lines)
    return lines


def write(path: Path, lines: list[dict[str, float]]) -> None:
    """The lines as CSV."""
    names = list(dict.fromkeys(name for line in lines for name in line))
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, names, restval="")
        table.writeheader()
        table.writerows({name: round(value, 3) for name, value in line.items()} for line in lines)


def plot(lines: list[dict[str, float]], path: Path, title: str) -> None:
    """Memory, sizes and lag over the minutes, one below the other."""
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot as plt

    names = list(dict.fromkeys(name for line in lines for name in line))
    panels = (
        ("memory (MiB)", [n for n in names if n.endswith(" MiB") and n.split()[0] not in SIZES]),
        ("size (MiB)", ["state MiB", "checkpoint MiB"]),
        ("state by step (MiB)", [n for n in names if n.startswith("state of ")]),
        ("seconds", ["checkpoint seconds", "behind s"]),
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


SIZES = ("state", "checkpoint")


def main() -> None:
    """Measures, writes the table and the plot."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    add = parser.add_argument
    add("--minutes", type=float, default=20, help="how long (default: %(default)s)")
    add("--rate", type=int, default=500, help="events a second (default: %(default)s)")
    add("--users", type=int, default=5000, help="of the stream (default: %(default)s)")
    add("--backend", choices=BACKENDS, default="rocksdb", help="default: %(default)s")
    add("--plot", type=Path, default=Path("docs/soak.svg"), help="default: %(default)s")
    add("--table", type=Path, default=Path("soak.csv"), help="default: %(default)s")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        lines = measure(given, Path(folder))
    plot(lines, given.plot, f"{given.rate} events a second, parallelism 2")
    print(f"{given.plot} and {given.table}")


if __name__ == "__main__":
    main()
