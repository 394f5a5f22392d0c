"""Peak memory of the main job over a long file, start included.

    python -m benchmarks.memory [--events 20000000] [--sinks none,sqlite] [option of the job ...]

Each run is a process that reads the same simulated file, at 500 events per second of event time.
Unknown options are passed to the job.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.options import read_settings_and_rest
from pipelines.simulate import main as simulate
from rivulet.settings import option

OUTPUTS = ("record", "popular", "recommendation")
SINKS = ("none", "sqlite")


@dataclass(frozen=True)
class MemorySettings:
    """Benchmark.

    Attributes:
        events: events of the file.
        sinks: none, sqlite, or both separated by a comma; a run for each.
    """

    events: int = option(20_000_000, "N", least=1)
    sinks: tuple[str, ...] = option(SINKS, "NAMES", separated=True, shown="none,sqlite")


def peak_of(arguments: list[str], folder: Path) -> tuple[int, float]:
    """Runs the main job in a process.

    Args:
        arguments: the job's options.
        folder: its working directory, with its log.

    Returns:
        The maximum resident size of the process in bytes, and its duration in seconds.

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
    chosen, rest = read_settings_and_rest("memory", __doc__, MemorySettings)
    table = Table(title="Peak memory of the main job, DirectRunner")
    for name in ("sinks", "events", "seconds", "peak (GB)"):
        table.add_column(name, justify="left" if name == "sinks" else "right")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        stream = folder / "stream.csv"
        simulate([f"--output={stream}", f"--events={chosen.events}", "--rate=500"])
        for sinks in chosen.sinks:
            store = "none" if sinks == "none" else f"sqlite:///{folder / 'store.db'}"
            flags = [f"--{output}_sink={store}" for output in OUTPUTS]
            peak, seconds = peak_of([f"--input={stream}", *flags, *rest], folder)
            table.add_row(sinks, f"{chosen.events:,}", f"{seconds:.0f}", f"{peak / 1e9:.2f}")
    Console().print(table)


if __name__ == "__main__":
    main()
