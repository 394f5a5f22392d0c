"""`training.estimate` on the log of a simulated policy whose world is known, and on bandit logs."""

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from simulation.feedback import expected_reward
from simulation.model import World
from simulation.shown import show, write_feedback
from tests.refused import assert_refused
from tests.training.logs import without_exploration
from training.estimate import main
from training.estimation.options import NAMES

KEYS = {"policy", "estimator", "value", "low", "high", "ess", "unsupported", "n"}


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, float]:
    """A feedback log, and the true reward of the list 1 .. 8 in its states."""
    world = World.make(0, 300, 200)
    shown = show(world, world.stream(16_000, 10, seed=1), exploration=0.5)
    folder = tmp_path_factory.mktemp("log")
    write_feedback(folder, shown)
    lists = np.tile(np.arange(1, 9), (len(shown.user), 1))
    truth = float(expected_reward(world, shown.user, shown.history, lists).mean())
    return folder, truth


def test_estimates_of_a_list_whose_reward_is_known(
    log: tuple[Path, float], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, truth = log
    policy = tmp_path / "fixed.csv"
    rows = "".join(f"{place},{place},1\n" for place in range(1, 9))
    policy.write_text("item,place,probability\n" + rows)
    name = f"probabilities:{policy}"
    found = tmp_path / "est.json"
    asked = ["--log", str(folder), "--policy", name, "inference/packaged", "--json", str(found)]
    assert main([*asked, "--estimator", "all", "--min_ess", "100"]) == 0
    estimates = json.loads(found.read_text())
    assert [each["estimator"] for each in estimates] == [*NAMES, *NAMES]
    assert all(set(each) >= KEYS for each in estimates)
    fixed = {each["estimator"]: each for each in estimates if each["policy"] == name}
    for estimator in ("ips", "snips", "dr"):
        each = fixed[estimator]
        assert each["low"] <= each["value"] <= each["high"]
        assert each["value"] == pytest.approx(truth, rel=0.15)
    assert fixed["ips"]["unsupported"] < 0.05
    said = capsys.readouterr().out
    # The weights of whole lists are products of eight: their effective sample size is smaller.
    assert fixed["rips"]["ess"] < fixed["ips"]["ess"] / 5
    assert {each["verdict"] for each in estimates} == {"estimated", "cannot tell"}
    for each in estimates:
        assert (each["verdict"] == "cannot tell") == (each["ess"] < 100) == (each["value"] is None)
    assert "cannot tell" in said
    assert f"{fixed['ips']['value']:.4g}" in said


def test_a_deterministic_log_cannot_tell(tmp_path: Path, log: tuple[Path, float]) -> None:
    table = pq.read_table(log[0])
    pq.write_table(without_exploration(table), tmp_path / "log.parquet")
    found = tmp_path / "est.json"
    asked = ["--log", str(tmp_path / "log.parquet"), "--policy", "inference/packaged"]
    assert main([*asked, "--json", str(found)]) == 0
    for each in json.loads(found.read_text()):
        assert (each["value"], each["n"], each["unsupported"]) == (None, 0, 1)
        assert each["verdict"] == "cannot tell"


def test_a_bandit_log_by_a_schema(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    item, reward = random.integers(4, size=1_000), random.integers(2, size=1_000)
    lines = [f"{a},{r},0.25,{a % 2}\n" for a, r in zip(item, reward, strict=True)]
    # A propensity of 1 is no support.
    lines += ["0,1,1.0,0\n"] * 500
    (tmp_path / "log.csv").write_text("ad,clicks,p,kind\n" + "".join(lines))
    (tmp_path / "schema.toml").write_text(
        '[fields]\nitem = "ad"\nreward = "clicks"\npropensity = "p"\ncontext = ["kind"]\n'
    )
    (tmp_path / "policy.csv").write_text("item,probability\n0,0.5\n1,0.5\n")
    found = tmp_path / "est.json"
    policy = f"probabilities:{tmp_path / 'policy.csv'}"
    asked = ["--log", str(tmp_path / "log.csv"), "--schema", str(tmp_path / "schema.toml")]
    assert main([*asked, "--policy", policy, "--json", str(found)]) == 0
    by_name = {each["estimator"]: each for each in json.loads(found.read_text())}
    assert set(by_name) == set(NAMES) - {"fqe"}
    weight = np.where(item < 2, 2.0, 0.0)
    assert by_name["ips"]["value"] == pytest.approx((weight * reward).mean())
    assert by_name["snips"]["value"] == pytest.approx((weight * reward).sum() / weight.sum())
    assert by_name["ips"]["n"] == 1_000
    assert by_name["ips"]["lists"] == 1_500
    assert by_name["ips"]["unsupported"] == pytest.approx(1 / 3)
    assert by_name["ips"]["ess"] == pytest.approx((item < 2).sum())


@pytest.mark.hostile
def test_what_is_wrong_is_one_line(
    tmp_path: Path, log: tuple[Path, float], capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "half.csv").write_text("item,probability\n1,0.5\n")
    (tmp_path / "log.csv").write_text("item_id,click\n1,0\n")
    folder, model = str(log[0]), "inference/packaged"
    wrong = [
        (["--log", str(tmp_path), "--policy", model], "no folder with Parquet files"),
        (["--log", folder, "--policy", str(tmp_path)], "holds none"),
        (["--log", folder, "--policy", f"probabilities:{tmp_path / 'half.csv'}"], "sum to 0.5"),
        (["--log", folder, "--policy", model, "--estimator", "magic"], "snips"),
        (["--log", folder, "--policy", model, "--estimator", "ips", "--gamma", "0.5"], "fqe"),
        (["--log", folder, "--policy", model, "--schema", "obd"], "probabilities:FILE"),
        (
            ["--log", str(tmp_path / "log.csv"), "--schema", "obd", "--policy", "probabilities:x"],
            "log.csv",
        ),
    ]
    assert_refused(main, capsys, wrong)
