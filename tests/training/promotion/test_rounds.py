"""Rounds of the loop on the log of a simulated policy, and the gate on known policies."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from inference.models.directory import load_policy
from inference.policy import Policy
from simulation.model import World
from simulation.shown import show, write_feedback
from tests.refused import assert_refused
from tests.training.estimation.test_lists import estimator_for
from tests.training.logs import known_log, without_exploration
from training.datasets import list_split
from training.estimation.list_estimates import ListEstimator
from training.estimation.list_log import ListLog
from training.estimation.targets import RankedTarget
from training.loop import main
from training.promotion import rounds
from training.promotion.decisions import in_use, read_decisions
from training.promotion.gate import Limits, Verdict, judge, verdict
from training.promotion.news import newest_time
from training.promotion.options import duration
from training.promotion.retraining import JUDGED, digest, write_learnt

QUICK = ["--pretrain_epochs", "1", "--epochs", "1", "--min_ess", "20", "--most_unsupported", "1"]


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> pa.Table:
    """A feedback log in which half of each list's places are random."""
    world = World.make(0, 150, 100)
    folder = tmp_path_factory.mktemp("log")
    write_feedback(folder, show(world, world.stream(6_000, 5, seed=1), exploration=0.5))
    return pq.read_table(folder)


NEW_ITEM = 5_000
REWARD_WINDOW = 20
"""Of the simulated log, in seconds."""


def with_new_item(log: pa.Table) -> pa.Table:
    """The log, with an item that users meet shortly before its end."""
    newest = log["time"].to_numpy() > log["time"].to_numpy().max() - 60
    histories = [
        [*row[:-1], NEW_ITEM] if new and row else row
        for new, row in zip(newest, log["history"].to_pylist(), strict=True)
    ]
    at = log.schema.get_field_index("history")
    return log.set_column(at, "history", pa.array(histories, log.schema.field(at).type))


def pass_all(
    estimator: ListEstimator, candidate: Policy, current: Policy | None, limits: Limits
) -> Verdict:
    """The gate's figures, with a promotion: what the gate says is a matter of its own tests."""
    return replace(judge(estimator, candidate, current, limits), passes=True, reason="better")


def crash(*_: object) -> None:
    raise OSError("crash")


@pytest.mark.slow
def test_rounds_train_on_judge_and_decide(
    table: pa.Table,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log, models = tmp_path / "log", tmp_path / "models"
    log.mkdir()
    middle = int(np.median(table["time"].to_numpy()))
    early = pc.less(table["time"], middle)
    pq.write_table(with_new_item(table.filter(early)), log / "a.parquet")
    asked = ["--log", str(log), "--models", str(models), *QUICK]
    with monkeypatch.context() as patched:
        patched.setattr(rounds, "judge", pass_all)
        with patched.context() as crashing:
            crashing.setattr(rounds, "decide", crash)
            with pytest.raises(SystemExit):
                main(asked)
        (crashed,) = models.glob("loop-*")
        judged_before, published_before = digest(crashed / JUDGED), digest(crashed)
        assert main(asked) == 0
    (first,) = read_decisions(models)
    # The candidate is not trained again, and the decision names what is there now.
    assert judged_before == first.figures["judged"]["digest"] == digest(crashed / JUDGED)
    # The version is published again with the same weights: a job may have them already.
    assert first.figures["published"]["digest"] == digest(crashed) == published_before
    assert published_before != judged_before
    # The gate judged what did not know the newest part; what is published does.
    published, judged = (load_policy(models / first.version / part) for part in ("", JUDGED))
    assert NEW_ITEM in published.item_ids.ids.tolist()
    assert NEW_ITEM not in judged.item_ids.ids.tolist()
    assert (
        published.info.training["judged"] == judged.info.label == first.figures["judged"]["policy"]
    )
    assert published.info.metrics == judged.info.metrics
    assert first.time == newest_time(log) < middle
    assert first.id == first.candidate == f"loop-{first.time}"
    assert (first.action, first.version, first.before) == ("promote", first.candidate, "")
    difference = first.figures["difference"]
    assert difference["low"] < difference["value"] < difference["high"]
    assert f"{first.candidate} is in use" in capsys.readouterr().out
    assert main(asked) == 0
    assert "nothing new" in capsys.readouterr().out

    pq.write_table(table.filter(pc.invert(early)), log / "b.parquet")
    with monkeypatch.context() as patched:
        patched.setattr(rounds, "judge", pass_all)
        assert main(asked) == 0
    _, second = read_decisions(models)
    # Neither the candidate nor the model in use has learnt from what judges them.
    assert second.figures["cut"] >= first.time + REWARD_WINDOW
    assert second.figures["learnt_from"] == "lists"
    assert second.before == first.version
    assert (second.action, second.version) == ("promote", second.candidate)
    assert in_use(models) == second.version != first.version
    assert second.figures["published"]["digest"] == digest(models / second.version)
    names = {each["policy"] for each in second.figures["estimates"]}
    assert names == {"candidate", "in use"}
    # The second began where the first stands: it has its users in its rows, and new ones.
    one, two = published, load_policy(models / second.candidate)
    known = len(one.user_ids)
    assert (two.user_ids.ids[:known] == one.user_ids.ids).all()
    assert len(two.user_ids) > known
    info = json.loads((models / second.candidate / "model.json").read_text())
    assert info["training"]["start"] == one.info.label
    assert not (models / ".loop").exists()


@pytest.mark.slow
def test_a_log_without_exploration_promotes_nothing(
    table: pa.Table,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The simulated rewards have no events in the data set: as if they had.
    monkeypatch.setattr(list_split, "EXPLAINED", 0.0)
    log = without_exploration(table)
    settings = json.loads(log.schema.metadata[b"rivulet"]) | {"reward_window": 600}
    log = log.replace_schema_metadata({b"rivulet": json.dumps(settings)})
    pq.write_table(log, tmp_path / "log.parquet")
    models = tmp_path / "models"
    assert main(["--log", str(tmp_path / "log.parquet"), "--models", str(models), *QUICK]) == 0
    assert in_use(models) == ""
    (decision,) = read_decisions(models)
    assert decision.action == "keep"
    assert "cannot tell: nothing in the log's lists was drawn" in decision.reason
    # What is before the cut is not much longer than the reward window.
    assert "learnt from events alone" in decision.reason
    assert decision.figures["learnt_from"] == "events"
    told = capsys.readouterr()
    assert "no model is in use" in told.out
    assert "note: learnt from events alone" in told.err


def test_lists_whose_reward_window_crosses_the_cut_are_not_learnt_from(tmp_path: Path) -> None:
    times = [0, 50, 89, 90, 91, 120]
    table = pa.table({"user": [1] * 6, "time": times})
    pq.write_table(table, tmp_path / "log.parquet")
    write_learnt(tmp_path / "log.parquet", 50, 100 - 10, tmp_path / "out.parquet")
    assert pq.read_table(tmp_path / "out.parquet")["time"].to_pylist() == [50, 89, 90]


MEAN = np.linspace(0.1, 1, 10)


def log_of(seed: int) -> ListLog:
    return known_log(np.random.default_rng(seed), MEAN, lists=3_000, users=500)


def fixed(estimator: ListEstimator, *items: int) -> RankedTarget:
    lists = np.tile(items, (len(estimator.log), 1))
    return RankedTarget(estimator.ids.rows(lists), estimator.log.length)


def test_the_gate_lets_better_candidates_pass_and_worse_ones_not() -> None:
    passed: dict[str, int] = {"better": 0, "equal": 0, "worse": 0}
    runs = 20
    for seed in range(runs):
        log = log_of(seed)
        estimator = estimator_for(log)
        current = fixed(estimator, 4, 5, 6)
        found = {
            "better": fixed(estimator, 5, 6, 7),
            "equal": fixed(estimator, 6, 5, 4),
            "worse": fixed(estimator, 3, 4, 5),
        }
        for name, candidate in found.items():
            passed[name] += verdict(estimator, candidate, current, (), Limits()).passes
    assert passed["better"] >= 0.8 * runs
    assert passed["equal"] == 0  # The same items: no difference at all.
    assert passed["worse"] == 0


def test_the_gate_says_why_not() -> None:
    log = log_of(0)
    estimator = estimator_for(log)
    outside = RankedTarget(np.full((len(log), 3), estimator.ids.unknown), log.length)
    best = RankedTarget(estimator.ids.rows(np.tile([8, 9, 10], (len(log), 1))), log.length)
    assert "effective sample size is 0" in verdict(estimator, outside, best, (), Limits()).reason
    some = Limits(min_ess=0, most_unsupported=0.5)
    found = verdict(estimator, outside, best, (), some)
    assert "100% of the candidate's items" in found.reason
    found = verdict(estimator, best, best, (), some)
    assert (found.passes, found.difference.value) == (False, 0)
    assert "not shown to be better than the model in use" in found.reason
    estimator = estimator_for(replace(log, explored=np.zeros(len(log), bool)))
    policy = load_policy(Path("inference/packaged"))
    assert "nothing in the log's lists" in judge(estimator, policy, policy, some).reason


def test_durations() -> None:
    assert [duration(text) for text in ("90s", "15m", "1h", "30d")] == [90, 900, 3_600, 2_592_000]
    for text in ("", "1", "0h", "-1h", "1w", "1.5h"):
        with pytest.raises(ValueError, match="no duration"):
            duration(text)


@pytest.mark.hostile
def test_what_is_wrong_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "a.parquet").write_bytes(b"no Parquet")
    models = ["--models", str(tmp_path / "models")]
    wrong = [
        (["--log", str(tmp_path / "nowhere"), *models], "no folder with Parquet files"),
        (["--log", str(tmp_path / "log"), *models], "cannot be read"),
        (["--log", str(tmp_path / "log"), *models, "--every", "1w"], "no duration"),
        (["--log", str(tmp_path / "log"), *models, "--poll", "2"], "--every"),
    ]
    assert_refused(main, capsys, wrong)
