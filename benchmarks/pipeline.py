"""Events a second on this machine, side by side in one run.

    python -m benchmarks.pipeline [--events 2000000]

The main job's graph on the DirectRunner, beside (a) an idiomatic per-event Beam pipeline, on
fewer events, and (b) a plain script without Beam. The stream is `pipelines.simulate`'s at 500
events per second of event time. Times are those of a pipeline's run: imports are not in them.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import apache_beam as beam
from rich.console import Console
from rich.table import Table

from benchmarks import per_event, plain
from pipelines import popular, recommend
from pipelines.running.job import Job
from pipelines.running.runners import make_runner
from pipelines.simulate import main as simulate

NOWHERE = [f"--{name}_sink=none" for name in ("record", "popular", "recommendation")]


def timed(work: Callable[[], object]) -> float:
    """Seconds that `work` takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def run_job(job: Job, *flags: str) -> None:
    """A job from its flags to its end."""
    options = job.options(flags)
    pipeline = beam.Pipeline(runner=make_runner(options, bounded=True), options=options.beam)
    job.construct(pipeline, options)
    pipeline.run().wait_until_finish()


def run_per_event(path: Path, branch: Callable[[beam.PCollection[str]], object]) -> None:
    """A per-event branch over a file."""
    options = recommend.JOB.options([f"--input={path}"])
    with beam.Pipeline(runner=make_runner(options, bounded=True), options=options.beam) as pipeline:
        branch(pipeline | beam.io.ReadFromText(str(path), skip_header_lines=1))


def main() -> None:
    """Measures and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=2_000_000, help="default: %(default)s")
    parser.add_argument("--few", type=int, default=20_000, help="for (a); default: %(default)s")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        many, few = Path(folder) / "many.csv", Path(folder) / "few.csv"
        for path, events in ((many, chosen.events), (few, chosen.few)):
            simulate([f"--output={path}", f"--events={events}", "--rate=500"])
        table = Table(title="Events a second, DirectRunner, one process")
        for name in ("what", "events", "seconds", "events a second"):
            table.add_column(name, justify="left" if name == "what" else "right")
        batch = plain.read(str(many))
        letters = f"--dead_letters={Path(folder) / 'dead.jsonl'}"
        source = f"--input={many}"
        store = f"sqlite:///{Path(folder) / 'store.db'}"
        sqlite = [flag.replace("none", store) for flag in NOWHERE]
        cases: list[tuple[str, int, Callable[[], object]]] = [
            ("popular branch", chosen.events,
             lambda: run_job(popular.JOB, source, letters, "--popular_sink=none")),
            ("popular, per event (a)", chosen.few, lambda: run_per_event(few, per_event.popular)),
            ("popular, plain script (b), with reading", chosen.events,
             lambda: plain.popular(plain.read(str(many)))),
            ("histories alone, per event (a)", chosen.few,
             lambda: run_per_event(few, per_event.histories)),
            ("whole graph, no sinks", chosen.events,
             lambda: run_job(recommend.JOB, source, letters, *NOWHERE)),
            ("whole graph, plain script (b)", chosen.events, lambda: plain.whole(batch)),
            ("whole graph into SQLite", chosen.events,
             lambda: run_job(recommend.JOB, source, letters, *sqlite)),
        ]  # fmt: skip
        for name, events, work in cases:
            seconds = timed(work)
            table.add_row(name, f"{events:,}", f"{seconds:.1f}", f"{events / seconds:,.0f}")
    Console().print(table)


if __name__ == "__main__":
    main()
