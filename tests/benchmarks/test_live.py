"""The live loop's users and report, without servers."""

from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.live.report import rounds_of, table_of
from benchmarks.live.site import Site
from benchmarks.live.users import PERIOD, SIZE, Measured, UserSettings, by_the_clock
from simulation.model import World
from simulation.responsive import play
from training.promotion.decisions import KEEP, PROMOTE, Decision, decide

START = 1_500_000_000


def test_a_step_is_played_before_its_event_time_or_at_once() -> None:
    slept: list[float] = []
    wait = by_the_clock(5.0, lambda: 100.0, slept.append)
    wait(130)
    wait(102)
    assert slept == [25.0, 0.0]


def test_each_step_says_what_its_lists_earn_and_how_late_they_were(tmp_path: Path) -> None:
    world = World.make(3, users=30, items=60, clusters=3)
    chosen = UserSettings("", "", tmp_path / "truth.csv", 30, 60, 3, 0.6)
    measured = Measured(world, START, chosen, clock=lambda: START + 61.5)
    lists = np.arange(1, SIZE + 1)
    played = play(measured, lambda users, *_: np.tile(lists, (len(users), 1)), START + 300)
    steps = np.loadtxt(tmp_path / "truth.csv", delimiter=",")
    assert steps[:, 1].sum() == len(played)
    assert (steps[:, 0] % PERIOD == 0).all()
    assert (steps[:, 2] < steps[:, 3]).all()
    assert steps[:, 4] == pytest.approx(START + 61.5 - steps[:, 0])


def test_rounds_have_the_lists_since_the_decision_before(tmp_path: Path) -> None:
    models, log, truth = tmp_path / "models", tmp_path / "log", tmp_path / "truth.csv"
    models.mkdir()
    assert rounds_of(models, log, truth) == []
    log.mkdir()
    rewards = [[1.0, 0.0], [2.0, 1.0], [0.0, 0.0], [4.0, 0.0]]
    table = pa.table({"user": [1, 2, 1, 2], "time": [100, 110, 120, 130], "rewards": rewards})
    pq.write_table(table, log / "a.parquet")
    decide(models, Decision("loop-110", PROMOTE, "loop-110", "first", "better", "loop-110", 110))
    decide(models, Decision("loop-130", KEEP, "loop-110", "loop-110", "worse", "loop-130", 130))
    truth.write_text("100,1,1.5,2.0,-4.5\n110,3,4.0,5.5,0.5\n120,1,2.0,2.0,-1.0\n")
    one, two = rounds_of(models, log, truth)
    assert (one.lists, one.reward.value, one.given, one.late) == (2, 2.0, 4, 3)
    assert one.regret == pytest.approx((0.5 + 1.5) / 4)
    assert (two.lists, two.reward.value, two.given, two.late) == (2, 2.0, 1, 0)
    assert table_of([one, two]).row_count == 2


def test_processes_end_with_the_stack(tmp_path: Path) -> None:
    with ExitStack() as stack:
        site = Site(stack, tmp_path, {})
        site.start("server", "http.server", ["--bind=127.0.0.1", "0"])
        site.check()
        (process,) = site.processes.values()
        assert process.poll() is None
    assert process.poll() is not None
    with pytest.raises(RuntimeError, match="server ended with status"):
        site.check()
