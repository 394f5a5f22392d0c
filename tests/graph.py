"""Runs the main job's graph into SQLite and reads its tables back."""

import json
import sqlite3
from collections import defaultdict
from pathlib import Path
from typing import Any, NamedTuple

import apache_beam as beam

from pipelines.graph.graph import read, recommend_graph
from pipelines.graph.job_graph import new_progress
from pipelines.recommend import JOB
from pipelines.running.runners import make_runner
from pipelines.running.summary import Summary
from tests.fakes import FakeSource
from transforms.progress import ProgressCounters


class Tables(NamedTuple):
    records: list[tuple[int, int, str, int]]
    popular: dict[int, list[tuple[int, int]]]
    recommendations: dict[tuple[int, int], tuple[list[int], str, list[float], int]]
    minutes: dict[tuple[str, int], tuple[int, int, float]]
    traffic: dict[int, tuple[int, int, int, int]]
    summary: Summary


def run_job(folder: Path, *flags: str, progress: ProgressCounters | None = None) -> Tables:
    """The main job with the fake policy over the input that the flags name."""
    store = folder / "store.db"
    store.unlink(missing_ok=True)
    argv = [f"--{name}_sink=sqlite:///{store}" for name in ("record", "popular", "recommendation")]
    options = JOB.options([*argv, f"--dead_letters={folder / 'dead.jsonl'}", *flags])
    pipeline = beam.Pipeline(runner=make_runner(options, bounded=True), options=options.beam)
    job = read(pipeline, options.settings, progress or new_progress("test"))
    recommend_graph(job, FakeSource())
    result = pipeline.run()
    result.wait_until_finish()
    return read_tables(store, Summary.of(result, 1.0))


def read_tables(store: Path, summary: Summary) -> Tables:
    popular: dict[int, list[tuple[int, int]]] = defaultdict(list)
    with sqlite3.connect(store) as db:

        def rows(query: str) -> list[Any]:
            return db.execute(query).fetchall()

        for end, _, item, count in rows("SELECT * FROM top ORDER BY window_end, rank"):
            popular[end].append((item, count))
        shown = {
            (user, at): (json.loads(items), policy, json.loads(propensities), last_reward)
            for user, at, items, policy, propensities, last_reward in rows(
                "SELECT * FROM recommendation"
            )
        }
        minutes = {row[:2]: row[2:] for row in rows("SELECT * FROM policy_minute")}
        records = rows("SELECT user, item, behavior, time FROM record")
        traffic = {row[0]: row[1:] for row in rows("SELECT * FROM event_minute")}
    return Tables(records, dict(popular), shown, minutes, traffic, summary)
