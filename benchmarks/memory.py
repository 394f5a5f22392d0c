"""The main job's memory over a long file: the peak of its process, start-up included.

    python -m benchmarks.memory [--events 20000000] [--sinks none,sqlite] [option of the job ...]

Each run is a process of its own over the same simulated file, at 500 events per second of
event time; options that this command does not know go to the job.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from pipelines.simulate import main as simulate

OUTPUTS = ("record", "popular", "recommendation")


def peak_of(arguments: list[str], folder: Path) -> tuple[int, float]:
    """Runs the main job; the greatest resident size of its process in bytes, and the seconds.

    Args:
        arguments: the job's options.
        folder: where it runs, and leaves its log.

    Raises:
        SystemExit: the job failed.
    """
    command = [sys.executable, "-m", "pipelines.recommend", *arguments]
    root = str(Path(__file__).resolve().parents[1])
    started = time.monotonic()
    child = os.fork()
    if not child:
        os.chdir(folder)
        os.environ["PYTHONPATH"] = root
        os.execv(sys.executable, command)  # noqa: S606
    _, status, usage = os.wait4(child, 0)
    if status:
        raise SystemExit(f"{' '.join(command)} failed; its log is {folder}/rivulet.log")
    return usage.ru_maxrss * 1024, time.monotonic() - started


def main() -> None:
    """Measures and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--events", type=int, default=20_000_000, help="default: %(default)s")
    parser.add_argument("--sinks", default="none,sqlite", help="default: %(default)s")
    chosen, rest = parser.parse_known_args()
    table = Table(title="Peak memory of the main job, DirectRunner")
    for name in ("sinks", "events", "seconds", "peak (GB)"):
        table.add_column(name, justify="left" if name == "sinks" else "right")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        stream = folder / "stream.csv"
        simulate([f"--output={stream}", f"--events={chosen.events}", "--rate=500"])
        for sinks in chosen.sinks.split(","):
            store = "none" if sinks == "none" else f"sqlite:///{folder / 'store.db'}"
            flags = [f"--{output}_sink={store}" for output in OUTPUTS]
            peak, seconds = peak_of([f"--input={stream}", *flags, *rest], folder)
            table.add_row(sinks, f"{chosen.events:,}", f"{seconds:.0f}", f"{peak / 1e9:.2f}")
    Console().print(table)


if __name__ == "__main__":
    main()
