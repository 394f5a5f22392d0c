import json
import logging
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from sinks.sql.heartbeat import Heartbeat
from sinks.sql.store import SqlSource
from transforms.progress import SHARED_PROGRESS


def rows(path: Path) -> list[tuple[int, str, str]]:
    with sqlite3.connect(path) as db:
        return db.execute("SELECT run, worker, counts FROM job_worker").fetchall()


def test_a_process_tells_what_it_has_done_in_one_row_however_many_steps(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    steps = [Heartbeat(SqlSource(f"sqlite:///{path}"), 7) for _ in range(3)]
    SHARED_PROGRESS.reset()
    before = set(threading.enumerate())
    for step in steps:
        step.setup()
    (teller,) = (each for each in set(threading.enumerate()) - before if each.name == "pulse")
    SHARED_PROGRESS.add("read", 5)
    assert list(steps[0].process("anything")) == []
    for step in steps[:2]:
        step.teardown()
    SHARED_PROGRESS.add("read", 6)
    SHARED_PROGRESS.reach("read_to", 100)
    steps[2].teardown()
    steps[0].setup()  # some runners set steps up anew for each bundle
    steps[0].teardown()
    teller.join(10)
    assert not teller.is_alive()
    ((run, _, counts),) = rows(path)
    assert (run, json.loads(counts)) == (7, {"read": 11, "read_to": 100})


def test_a_process_that_ends_tells_the_last(tmp_path: Path) -> None:
    code = (
        "from sinks.sql.heartbeat import Heartbeat\nfrom sinks.sql.store import SqlSource\n"
        "from transforms.progress import SHARED_PROGRESS\n"
        f"step = Heartbeat(SqlSource('sqlite:///{tmp_path}/store.db'), 1)\n"
        "step.setup(); SHARED_PROGRESS.add('read', 3); step.teardown()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert json.loads(rows(tmp_path / "store.db")[0][2]) == {"read": 3}


def test_a_store_that_is_out_stops_nothing_and_is_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    step = Heartbeat(SqlSource(f"sqlite:///{tmp_path}/no/such/folder/store.db"), 1)
    begun = time.monotonic()
    with caplog.at_level(logging.WARNING):
        step.setup()
        time.sleep(2.3)
        step.teardown()
    assert time.monotonic() - begun < 8
    assert caplog.text.count("does not take the job's pulse") == 1
