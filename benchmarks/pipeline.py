"""Events a second of the main job's graph on the DirectRunner.

    python -m benchmarks.pipeline [--events 2000000]

The graph is compared with (a) an idiomatic per-event Beam pipeline, on fewer events, and (b) a
plain script without Beam. The stream is `pipelines.simulate`'s, at 500 events per second of event
time. Imports are not included in the times.
"""

from __future__ import annotations

import importlib
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import apache_beam as beam
from rich.console import Console
from rich.table import Table

from benchmarks import per_event, plain
from benchmarks.options import read_settings
from pipelines import popular, recommend
from pipelines.running.job import Job
from pipelines.running.runners import make_runner
from pipelines.simulate import main as simulate
from rivulet.settings import option

NO_SINKS = [f"--{name}_sink=none" for name in ("record", "popular", "recommendation")]


@dataclass(frozen=True)
class PipelineBenchmarkSettings:
    """Benchmark.

    Attributes:
        events: events of the stream.
        few: events of the stream for the per-event pipelines.
    """

    events: int = option(2_000_000, "N", least=1)
    few: int = option(20_000, "N", least=1)


def timed(work: Callable[[], object]) -> float:
    """Duration of `work`, in seconds."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def run_job(job: Job, *flags: str) -> None:
    """Runs a job, given by its options, to its end."""
    options = job.options(flags)
    pipeline = beam.Pipeline(runner=make_runner(options, bounded=True), options=options.beam)
    job.construct(pipeline, options)
    pipeline.run().wait_until_finish()


def run_per_event(path: Path, branch: Callable[[beam.PCollection[str]], object]) -> None:
    """Runs a per-event branch over a file."""
    options = recommend.JOB.options([f"--input={path}"])
    with beam.Pipeline(runner=make_runner(options, bounded=True), options=options.beam) as pipeline:
        branch(pipeline | beam.io.ReadFromText(str(path), skip_header_lines=1))


def main() -> None:
    """Measures and prints the table."""
    chosen = read_settings("pipeline", __doc__, PipelineBenchmarkSettings)
    # A job imports PyTorch with its model: that is part of its start, not of its speed.
    importlib.import_module("torch")
    with tempfile.TemporaryDirectory() as folder:
        many, few = Path(folder) / "many.csv", Path(folder) / "few.csv"
        for path, events in ((many, chosen.events), (few, chosen.few)):
            simulate([f"--output={path}", f"--events={events}", "--rate=500"])
        table = Table(title="Events a second, DirectRunner, one process")
        for name in ("case", "events", "seconds", "events a second"):
            table.add_column(name, justify="left" if name == "case" else "right")
        batch = plain.read(str(many))
        dead_letters = f"--dead_letters={Path(folder) / 'dead.jsonl'}"
        source = f"--input={many}"
        store = f"sqlite:///{Path(folder) / 'store.db'}"
        sqlite = [flag.replace("none", store) for flag in NO_SINKS]
        cases: list[tuple[str, int, Callable[[], object]]] = [
            ("popular branch", chosen.events,
             lambda: run_job(popular.JOB, source, dead_letters, "--popular_sink=none")),
            ("popular, per event (a)", chosen.few, lambda: run_per_event(few, per_event.popular)),
            ("popular, plain script (b), reading included", chosen.events,
             lambda: plain.popular(plain.read(str(many)))),
            ("histories alone, per event (a)", chosen.few,
             lambda: run_per_event(few, per_event.histories)),
            ("whole graph, no sinks", chosen.events,
             lambda: run_job(recommend.JOB, source, dead_letters, *NO_SINKS)),
            ("whole graph, plain script (b)", chosen.events, lambda: plain.whole(batch)),
            ("whole graph into SQLite", chosen.events,
             lambda: run_job(recommend.JOB, source, dead_letters, *sqlite)),
        ]  # fmt: skip
        for name, events, work in cases:
            seconds = timed(work)
            table.add_row(name, f"{events:,}", f"{seconds:.1f}", f"{events / seconds:,.0f}")
    Console().print(table)


if __name__ == "__main__":
    main()
