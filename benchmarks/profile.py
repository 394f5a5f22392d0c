"""Where the main job's time goes, by step: seconds of CPU, of all threads of the process.

    python -m benchmarks.profile [--events 2000000] [--into sqlite:///x.db] [job option ...]

What a step's own code takes is in its row; what Beam does between the steps
(coders, grouping, state) is the rest.
Options that this command does not know go to the job.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.pipeline import NOWHERE, run_job
from pipelines import recommend
from pipelines.simulate import main as simulate

STEPS = {
    "read and parse": ("sources/files/read.py", "process"),
    "cut by shard": ("transforms/windows/panes.py", "process"),
    "popular: count, merge, rank": ("transforms/windows/popular.py", None),
    "histories": ("transforms/histories/transform.py", "fire"),
    "rank with the policy": ("inference/handler.py", "run_inference"),
    "fill": ("inference/recommend.py", "process"),
    "rewards": ("transforms/feedback/transform.py", "process"),
    "write to stores": ("sinks/bulk_write.py", "process"),
}
"""A step's name, and its file and function (or all of the file's functions that others call)."""


def seconds_of(stats: pstats.Stats, file: str, function: str | None) -> float:
    """Seconds in a file's function, or in all of the file's functions called from elsewhere."""
    total = 0.0
    for (path, _, name), row in stats.stats.items():  # type: ignore[attr-defined]
        if path.endswith(file) and function in (name, None):
            callers = row[4]
            total += sum(of[3] for (caller, _, _), of in callers.items() if caller != path)
    return total


def main() -> None:
    """Measures and prints the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--events", type=int, default=2_000_000, help="default: %(default)s")
    parser.add_argument("--into", default="none", help="stores' URL (default: %(default)s)")
    chosen, rest = parser.parse_known_args()
    with tempfile.TemporaryDirectory() as folder:
        stream = Path(folder) / "stream.csv"
        simulate([f"--output={stream}", f"--events={chosen.events}", "--rate=500"])
        sinks = [flag.replace("none", chosen.into) for flag in NOWHERE]
        letters = f"--dead_letters={Path(folder) / 'dead.jsonl'}"
        profile = cProfile.Profile(time.process_time)
        started = time.process_time()
        profile.enable()
        run_job(recommend.JOB, f"--input={stream}", letters, *sinks, *rest)
        profile.disable()
        whole = time.process_time() - started
    stats = pstats.Stats(profile)
    table = Table(title=f"CPU of {chosen.events:,} events, with the profiler")
    for name in ("step", "seconds", "share"):
        table.add_column(name, justify="left" if name == "step" else "right")
    left = whole
    for step, (file, function) in STEPS.items():
        seconds = seconds_of(stats, file, function)
        left -= seconds
        table.add_row(step, f"{seconds:.2f}", f"{seconds / whole:.0%}")
    table.add_row("Beam, construction and all else", f"{left:.2f}", f"{left / whole:.0%}")
    table.add_row("all", f"{whole:.2f}", "100%")
    Console().print(table)


if __name__ == "__main__":
    main()
