"""Stream and page together: the numbers move, and they are those of a batch run."""

import json
import re
import shutil
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from pipelines.graph.job_graph import new_progress
from pipelines.page import main as page_main
from pipelines.recommend import JOB
from pipelines.recommend import main as recommend_main
from pipelines.simulated import Feed, start
from simulation.live import COLUMNS, Flaws, LiveClicks
from simulation.model import World
from tests.serving.running import ROOT

SINKS = ("record", "popular", "recommendation")
BEGIN = 1_767_603_605
SPAN = 900


def sinks(path: Path) -> list[str]:
    letters = f"--dead_letters={path.with_suffix('.jsonl')}"
    return [*(f"--{name}_sink=sqlite:///{path}" for name in SINKS), letters]


def table(path: Path, query: str, keys: int) -> dict[tuple, tuple]:
    with sqlite3.connect(path) as db:
        return {tuple(row[:keys]): tuple(row[keys:]) for row in db.execute(query)}


@pytest.mark.slow
def test_what_the_page_shows_of_a_stream_is_what_a_batch_run_gives(tmp_path: Path) -> None:
    world = World.make(0, 300)
    flaws = Flaws(late=0)  # of a file nothing is late
    lines = LiveClicks(world, 8, BEGIN, flaws, seed=2).until(BEGIN + SPAN)
    clicks = LiveClicks(world, 8, BEGIN, flaws, seed=2)
    progress = new_progress("test")
    feed = Feed(clicks, BEGIN, SPAN, speed=0.1, step=20)
    result = start(JOB.options([*sinks(tmp_path / "stream.db"), "--shards=2"]), feed, progress)
    upto = (BEGIN + SPAN - 20) // 20 * 20
    deadline = time.monotonic() + 240
    while progress.values().get("closed_to", 0) < upto and time.monotonic() < deadline:
        time.sleep(0.2)
    shown = tmp_path / "shown.db"
    with sqlite3.connect(tmp_path / "stream.db") as db, sqlite3.connect(shown) as copy:
        db.backup(copy)
    feed.stopped.set()
    result.wait_until_finish()

    path = tmp_path / "clicks.csv"
    path.write_bytes(b"\n".join([",".join(COLUMNS).encode(), *lines]))
    batch = tmp_path / "batch.db"
    assert recommend_main([f"--input={path}", *sinks(batch)]) == 0
    for query, keys, moment in (
        ("SELECT window_end, rank, item, count FROM top", 2, 0),
        ("SELECT user, time, items, policy, propensities, last_reward FROM recommendation", 2, 1),
        ("SELECT minute, pv, cart, fav, buy FROM event_minute", 1, 0),
        ("SELECT minute, policy, recommendations, hits, reward FROM policy_minute", 2, 0),
    ):
        of_stream, of_batch = table(shown, query, keys), table(batch, query, keys)
        assert of_stream, query
        assert {key: of_batch.get(key) for key in of_stream} == of_stream
        newest = max(key[moment] for key in of_stream)
        assert {key for key in of_batch if key[moment] < newest} <= of_stream.keys()


WRONG = {"too few fields", "late"}
"""What of the stream becomes dead letters, among other things."""


@pytest.mark.slow
def test_numbers_move_while_the_stream_goes_on(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "pipelines.page", "--port=0", "--past=12", "--speed=10"),
            *("--rate=8", "--folder=page"),
        ],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        begun = time.monotonic()
        address = re.search(r"http://[^ ]*/", process.stdout.readline())[0]
        seen: set[int] = set()
        closed: set[int] = set()
        policies: list[str] = []
        reasons: set[str] = set()
        letters = tmp_path / "page/dead-letters.jsonl"
        while time.monotonic() < begun + 250 and (
            len(seen) < 3 or len(closed) < 3 or not policies or not reasons >= WRONG
        ):
            answer = httpx.get(f"{address}popular", timeout=30)
            if answer.status_code == 200:
                seen.add(answer.json()["window_end"])
                job = httpx.get(f"{address}job", timeout=30)
                # The first ranking may be there before the job has told how it does.
                if job.status_code == 200:
                    closed.add(job.json()["closed"])
            answer = httpx.get(f"{address}policies", timeout=30)
            if answer.status_code == 200:
                policies = [one["policy"] for one in answer.json()["policies"]]
            if letters.exists():
                whole = letters.read_text().rpartition("\n")[0].splitlines()
                reasons = {json.loads(line)["reason"] for line in whole}
            time.sleep(0.5)
        assert len(seen) >= 3
        assert len(closed) >= 3
        assert policies
        assert max(seen) < time.time() + 10 * (time.monotonic() - begun)
        assert reasons >= WRONG
    finally:
        process.send_signal(2)
        assert process.wait(120) == 130
        shutil.rmtree(tmp_path / "page")


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("--speed=0", "--speed: '0' is not a number from 0.1 to 100"),
        ("--rate=9000", "users"),
        ("--past=0", "--past: '0' is not a whole number of at least 1"),
    ],
)
def test_a_bad_option_is_one_line_and_status_2(
    option: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        page_main([option])
    (line,) = capsys.readouterr().err.splitlines()
    assert (end.value.code, words in line) == (2, True)
