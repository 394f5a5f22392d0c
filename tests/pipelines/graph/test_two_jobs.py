"""Two jobs in one process share no counters and no results."""

import threading
from pathlib import Path

import apache_beam as beam

from pipelines.graph.graph import read, recommend_graph
from pipelines.graph.job_graph import new_progress
from pipelines.recommend import JOB
from pipelines.running.runners import make_runner
from tests.fakes import FakeSource
from transforms.progress import SHARED_PROGRESS, ProgressCounters


def run(folder: Path, events: int, found: dict[int, ProgressCounters]) -> None:
    clicks = folder / f"{events}.csv"
    lines = [f"{n % 7},{n % 11},{1_000_000 + n},pv" for n in range(events)]
    clicks.write_text("user,item,time,behavior\n" + "\n".join(lines) + "\n")
    outputs = ("record", "popular", "recommendation")
    options = JOB.options(
        [
            f"--input={clicks}",
            f"--dead_letters={folder / f'{events}.jsonl'}",
            *(f"--{output}_sink=sqlite:///{folder / f'{events}.db'}" for output in outputs),
        ]
    )
    pipeline = beam.Pipeline(runner=make_runner(options, bounded=True), options=options.beam)
    found[events] = new_progress("test")
    recommend_graph(read(pipeline, options.settings, found[events]), FakeSource())
    pipeline.run().wait_until_finish()


def test_each_job_counts_its_own_events(tmp_path: Path) -> None:
    before = SHARED_PROGRESS.values()
    found: dict[int, ProgressCounters] = {}
    jobs = [threading.Thread(target=run, args=(tmp_path, n, found)) for n in (300, 500)]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()
    for events, progress in found.items():
        assert progress.values()["read"] == progress.values()["closed"] == events
    assert SHARED_PROGRESS.values() == before
