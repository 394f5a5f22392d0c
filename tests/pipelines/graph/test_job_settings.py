"""The settings that a job records in its stores are those that it was started with."""

import sqlite3
from pathlib import Path

from tests.graph import run_job
from transforms.messages.behaviors import BEHAVIORS
from transforms.messages.job import JOB_SETTINGS, JobSettings


def test_a_jobs_options_are_in_its_store(tmp_path: Path) -> None:
    events = tmp_path / "clicks.csv"
    events.write_text("user,item,behavior,time\n1,2,pv,1000\n1,3,pv,1001\n")
    given = {"reward_window": 60, "history_size": 20, "popular_size": 5, "min_history": 7}
    run_job(tmp_path, f"--input={events}", *(f"--{name}={value}" for name, value in given.items()))
    with sqlite3.connect(tmp_path / "store.db") as db:
        ((run, settings),) = db.execute("SELECT run, settings FROM job").fetchall()
    found = JobSettings.of(run, settings).settings
    rewards = {f"reward_{name}": value for name, value in zip(BEHAVIORS, (1, 2, 2, 3), strict=True)}
    # A catalogue is named by jobs that have one.
    assert set(found) == {*JOB_SETTINGS, *rewards} - {"catalogue"}
    assert {name: found[name] for name in rewards} == rewards
    assert {name: found[name] for name in given} == given
    assert (found["recommend_window"], found["popular_window"]) == (60, 3600)
