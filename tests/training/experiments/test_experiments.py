"""Experiments: intervals that hold at all looks, plans, reports."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.refused import assert_refused
from training.experiment import main
from training.experiments.always_valid import FEWEST, Arm, boundary, difference

HOURS = 48


def hourly(random: np.random.Generator, users: int, lift: float = 1.0) -> Arm:
    """Users who differ, come at any hour, and earn from then on: an arm at each hour."""
    rate = random.gamma(0.5, 2.0, users) * lift
    comes = random.integers(0, HOURS, users)
    hour = np.arange(HOURS)[:, None]
    reward = np.cumsum(random.poisson(rate * (hour >= comes)), axis=0)
    return Arm.of(reward.astype(float), hour >= comes)


def test_no_more_than_one_in_twenty_tests_of_equal_arms_gives_an_alarm_at_any_hour() -> None:
    runs, alarms = 1_000, 0
    for seed in range(runs):
        random = np.random.default_rng(seed)
        found = difference(hourly(random, 400), hourly(random, 400))
        alarms += bool(((found.low > 0) | (found.high < 0)).any())
    assert alarms <= 0.05 * runs


def test_a_true_difference_is_found_and_held() -> None:
    found_in = held = 0
    for seed in range(50):
        random = np.random.default_rng(seed)
        found = difference(hourly(random, 3_000), hourly(random, 3_000, lift=1.5))
        found_in += bool(found.low[-1] > 0)
        mean = 0.5 * np.mean([max(0, HOURS - hour) for hour in range(HOURS)])
        held += bool(found.low[-1] <= mean <= found.high[-1])
    assert found_in >= 40
    assert held >= 47


def test_an_arm_is_that_of_plain_loops() -> None:
    random = np.random.default_rng(0)
    reward, present = random.normal(size=(3, 5)), random.random((3, 5)) < 0.7
    arm = Arm.of(reward, present)
    for look in range(3):
        own = [value for value, here in zip(reward[look], present[look], strict=True) if here]
        mean = sum(own) / len(own)
        assert arm.users[look] == len(own)
        assert arm.mean[look] == pytest.approx(mean)
        variance = sum((value - mean) ** 2 for value in own) / max(1, len(own) - 1)
        assert arm.variance[look] == pytest.approx(variance)


def test_the_boundary_is_the_mixtures() -> None:
    """At the boundary the mixture martingale of a Gaussian with variance 1 / ρ is 1 / α."""
    variance, rho = 7.0, 3.0
    height = float(boundary(np.array([variance]), rho)[0])
    martingale = math.sqrt(rho / (variance + rho)) * math.exp(height**2 / 2 / (variance + rho))
    assert martingale == pytest.approx(1 / 0.05)


def test_too_few_users_say_nothing() -> None:
    few = Arm.of(np.ones((1, FEWEST - 1)), np.ones((1, FEWEST - 1), bool))
    many = Arm.of(np.arange(99.0)[None], np.ones((1, 99), bool))
    found = difference(few, many)
    assert (found.low[0], found.high[0]) == (-math.inf, math.inf)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    random = np.random.default_rng(0)
    users = 4_000
    rows = []
    for user in range(users):
        arm = "b" if user % 4 == 0 else "a"
        for _ in range(3):
            time = int(random.integers(0, 10 * 3_600))
            reward = float(random.poisson(2.0 if arm == "b" else 1.0))
            rows.append((user, time, f"{arm}-{time % 2}", [reward, 0.0]))
        rows.append((user, 0, "popular", [1.0]))
    rows.append((users, 0, "popular", [1.0]))
    rows += [(users + 1, 0, "a-1", [1.0]), (users + 1, 1, "b-1", [1.0])]
    names = ("user", "time", "policy", "rewards")
    columns = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
    pq.write_table(pa.table(columns), tmp_path / "log.parquet")
    return tmp_path / "log.parquet"


def test_a_report(log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "report.json"
    asked = ["report", "--log", str(log), "--json", str(out)]
    assert main([*asked, "--share", "a=0.75", "b=0.25"]) == 0
    found = json.loads(out.read_text())
    control, other = found["arms"]
    assert (control["arm"], control["users"], control["difference"]) == ("a", 3_000, None)
    assert (other["arm"], other["users"], other["verdict"]) == ("b", 1_000, "better")
    # Three lists a user and that of popular items.
    assert control["reward"] == pytest.approx(4, rel=0.05)
    assert other["low"] < 3 < other["high"]
    assert (found["mixed"], found["undecided"]) == (1, 1)
    assert found["sample_ratio"]["p"] == pytest.approx(1)
    assert "as expected" in capsys.readouterr().out
    assert main([*asked, "--control", "b"]) == 0
    found = json.loads(out.read_text())
    assert found["arms"][1]["verdict"] == "worse"
    # Equal shares were expected.
    assert found["sample_ratio"]["mismatch"]
    assert "MISMATCH" in capsys.readouterr().out


def test_a_plan_is_where_the_effect_meets_the_interval(
    log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "plan.json"
    needed = {}
    for effect in ("0.05", "0.1"):
        asked = ["plan", "--log", str(log), "--effect", effect, "--json", str(out)]
        assert main([*asked, "--power", "0.8"]) == 0
        needed[effect] = json.loads(out.read_text())
    assert f"{needed['0.1']['users']:,} users" in capsys.readouterr().out
    ratio = needed["0.05"]["users"] / needed["0.1"]["users"]
    # A test at a fixed time would need four times as many; the boundary is wide for few users.
    assert 2 < ratio < 5
    small = needed["0.1"]
    fixed = (1.96 + 0.84) ** 2 * 4 * small["deviation"] ** 2 / (0.1 * small["mean"]) ** 2
    assert fixed < small["users"] < 4 * fixed
    assert small["treated_users"] == math.ceil(small["users"] / 2)


@pytest.mark.hostile
def test_what_is_wrong_is_one_line(
    log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = pq.read_table(log).slice(0, 3)
    pq.write_table(one, tmp_path / "one.parquet")
    (tmp_path / "bad.parquet").write_bytes(b"x")
    wrong = [
        (["report", "--log", str(tmp_path / "one.parquet")], "one arm alone"),
        (["report", "--log", str(tmp_path / "bad.parquet")], "cannot be read"),
        (["report", "--log", str(log), "--control", "c"], "c is no arm"),
        (["report", "--log", str(log), "--share", "a=1"], "no share of the arm b"),
        (["report", "--log", str(log), "--share", "a"], "no share of an arm"),
        (["report", "--log", str(log), "--effect", "0.1"], "is of plan"),
        (["plan", "--log", str(log), "--control", "a"], "is of report"),
    ]
    assert_refused(main, capsys, wrong)
