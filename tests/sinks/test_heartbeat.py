"""The progress of a worker process in its store: waits for conditions, with a clock of its own."""

import json
import logging
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sinks import heartbeat
from sinks.heartbeat import Heartbeat, MetricsReporter
from sinks.sql.source import SqlSource
from transforms.progress import ProgressCounters

PATIENCE = 60
"""Seconds until a test gives up."""


def rows(path: Path) -> list[tuple[int, str, str]]:
    with sqlite3.connect(path) as db:
        return db.execute("SELECT run, worker, counts FROM job_worker").fetchall()


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A second of the reporter's is a hundredth of one."""
    monkeypatch.setattr(heartbeat, "PERIOD", 0.01)
    yield
    for reporter in list(heartbeat._REPORTERS.values()):
        reporter.join(PATIENCE)


def test_a_process_reports_what_it_has_done_in_one_row_however_many_steps(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    source, progress = SqlSource(f"sqlite:///{path}"), ProgressCounters("one row")
    steps = [Heartbeat(source, 7, progress) for _ in range(3)]
    for step in steps:
        step.setup()
    reporter = heartbeat._REPORTERS[source, 7, progress]
    progress.add("read", 5)
    assert list(steps[0].process("anything")) == []
    for step in steps[:2]:
        step.teardown()
    progress.add("read", 6)
    progress.reach("read_to", 100)
    steps[2].teardown()
    steps[0].setup()  # Some runners set steps up for each bundle.
    assert heartbeat._REPORTERS[source, 7, progress] is reporter
    steps[0].teardown()
    reporter.join(PATIENCE)
    assert not reporter.is_alive()
    assert (source, 7, progress) not in heartbeat._REPORTERS
    ((run, _, counts),) = rows(path)
    assert (run, json.loads(counts)) == (7, {"read": 11, "read_to": 100})


def test_jobs_of_one_process_report_apart(tmp_path: Path) -> None:
    source = SqlSource(f"sqlite:///{tmp_path}/store.db")
    jobs = [ProgressCounters("a job"), ProgressCounters("another job")]
    steps = [Heartbeat(source, run, progress) for run, progress in enumerate(jobs)]
    for step, progress, read in zip(steps, jobs, (3, 4), strict=True):
        progress.add("read", read)
        step.setup()
    reporters = [heartbeat._REPORTERS[source, run, job] for run, job in enumerate(jobs)]
    for step, reporter in zip(steps, reporters, strict=True):
        step.teardown()
        reporter.join(PATIENCE)
    found = {run: json.loads(counts) for run, _, counts in rows(tmp_path / "store.db")}
    assert found == {0: {"read": 3}, 1: {"read": 4}}


def test_a_process_that_ends_reports_at_exit(tmp_path: Path) -> None:
    code = (
        "from sinks.heartbeat import Heartbeat\nfrom sinks.sql.source import SqlSource\n"
        "from transforms.progress import SHARED_PROGRESS\n"
        f"step = Heartbeat(SqlSource('sqlite:///{tmp_path}/store.db'), 1)\n"
        "step.setup(); SHARED_PROGRESS.add('read', 3); step.teardown()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert json.loads(rows(tmp_path / "store.db")[0][2]) == {"read": 3}


def after(rounds: int, reporter: list[MetricsReporter]) -> Callable[[float], None]:
    """A wait after which, the last time, the reporter has no user left."""
    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == rounds:
            reporter[0].users = 0

    return wait


def test_a_store_that_does_not_answer_stops_nothing_and_is_logged_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source = SqlSource(f"sqlite:///{tmp_path}/no/such/folder/store.db")
    running: list[MetricsReporter] = []
    reporter = MetricsReporter(source, 1, ProgressCounters("out"), after(5, running))
    running.append(reporter)
    reporter.users = 1
    with caplog.at_level(logging.WARNING):
        reporter.start()
        reporter.join(PATIENCE)
    assert not reporter.is_alive()
    assert caplog.text.count("does not take the job's progress") == 1


def test_unchanged_counts_are_written_again_only_after_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[Any] = []
    progress = ProgressCounters("unchanged")
    reporter = MetricsReporter(SqlSource(f"sqlite:///{tmp_path}/x.db"), 1, progress)
    monkeypatch.setattr(reporter, "_write", written.append)
    now = [1000.0]
    monkeypatch.setattr(heartbeat.time, "time", lambda: now[0])
    progress.add("read", 1)
    for moment in (1000.0, 1001.0, 1004.9, 1005.0):
        now[0] = moment
        reporter.report()
    assert [row.updated_at for row in written] == [1000.0, 1005.0]
