"""CPU time of the main job by step, over all threads of the process.

    python -m benchmarks.profile [--events 2000000] [--into sqlite:///x.db] [option of the job ...]

A step's row is the time of the step's own code. The time of Beam between the steps (coders,
grouping, state) is in the last rows. Unknown options are passed to the job.
"""

from __future__ import annotations

import cProfile
import pstats
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.options import read_settings_and_rest
from benchmarks.pipeline import NO_SINKS, run_job
from pipelines import recommend
from pipelines.simulate import main as simulate
from rivulet.settings import option

ROOT = Path(__file__).parents[1]
STEPS = {
    "read and parse": ("sources/files/read.py", "process"),
    "close panes": ("transforms/windows/panes.py", "process"),
    "popular: count, merge, rank": ("transforms/windows/popular.py", None),
    "histories": ("transforms/histories/keep_histories.py", "fire"),
    "rank with the policy": ("inference/handler.py", "run_inference"),
    "fill": ("inference/recommend.py", "process"),
    "rewards": ("transforms/feedback/reward_recommendations.py", "process"),
    "write to stores": ("sinks/bulk_write.py", "process"),
}
"""File and function by step; without a function, all of the file's functions that are called from
elsewhere."""


@dataclass(frozen=True)
class ProfileSettings:
    """Benchmark.

    Attributes:
        events: events of the stream.
        into: URL of the stores.
    """

    events: int = option(2_000_000, "N", least=1)
    into: str = option("none", "URL")


def seconds_of(stats: pstats.Stats, file: str, function: str | None) -> float:
    """Seconds in a file's function, or in all of its functions that are called from elsewhere.

    Raises:
        FileNotFoundError: there is no such file.
    """
    if not (ROOT / file).exists():
        raise FileNotFoundError(f"{file} does not exist: correct the table of steps")
    total = 0.0
    for (path, _, name), row in stats.stats.items():  # type: ignore[attr-defined]
        if path.endswith(file) and function in (name, None):
            callers = row[4]
            total += sum(of[3] for (caller, _, _), of in callers.items() if caller != path)
    return total


def main() -> None:
    """Measures and prints the table."""
    chosen, rest = read_settings_and_rest("profile", __doc__, ProfileSettings)
    with tempfile.TemporaryDirectory() as folder:
        stream = Path(folder) / "stream.csv"
        simulate([f"--output={stream}", f"--events={chosen.events}", "--rate=500"])
        sinks = [flag.replace("none", chosen.into) for flag in NO_SINKS]
        dead_letters = f"--dead_letters={Path(folder) / 'dead.jsonl'}"
        profile = cProfile.Profile(time.process_time)
        started = time.process_time()
        profile.enable()
        run_job(recommend.JOB, f"--input={stream}", dead_letters, *sinks, *rest)
        profile.disable()
        total = time.process_time() - started
    stats = pstats.Stats(profile)
    table = Table(title=f"CPU of {chosen.events:,} events, with the profiler")
    for name in ("step", "seconds", "share"):
        table.add_column(name, justify="left" if name == "step" else "right")
    left = total
    for step, (file, function) in STEPS.items():
        seconds = seconds_of(stats, file, function)
        left -= seconds
        table.add_row(step, f"{seconds:.2f}", f"{seconds / total:.0%}")
    table.add_row("Beam, construction and the rest", f"{left:.2f}", f"{left / total:.0%}")
    table.add_row("all", f"{total:.2f}", "100%")
    Console().print(table)


if __name__ == "__main__":
    main()
