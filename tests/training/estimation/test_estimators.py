"""Estimators equal the Open Bandit Pipeline's own (obp.json, by make_fixture.py)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from training.estimation.bandit_log import read_bandit_log, read_fields
from training.estimation.estimators import ESTIMATORS, SwitchDR
from training.estimation.intervals import clustered, effective_sample_size
from training.estimation.rows import EstimationError, Rows

FIXTURE: dict[str, Any] = json.loads(Path(__file__).with_name("obp.json").read_text())
OBD = Path(__file__).parents[4] / "shared" / "data" / "obd"


def rows_of(columns: dict[str, Any], **more: Any) -> Rows:
    names = ("reward", "propensity", "chance", "modelled", "expected")
    n = len(columns["reward"])
    arrays = {name: np.asarray(columns.get(name, np.zeros(n)), np.float64) for name in names}
    every = np.arange(n)
    return Rows(**{**arrays, "episode": every, "cluster": every, **more})


def value_of(name: str, rows: Rows) -> float:
    made = SwitchDR(FIXTURE["threshold"]) if name == "switch-dr" else ESTIMATORS[name]()
    return clustered(made.terms(rows), rows.cluster).value


@pytest.mark.parametrize("log", FIXTURE["rows"])
def test_values_of_made_logs_are_obps(log: dict[str, Any]) -> None:
    for name, value in log["values"].items():
        assert value_of(name, rows_of(log)) == pytest.approx(value, rel=1e-9)


@pytest.mark.parametrize("log", FIXTURE["lists"])
def test_rips_of_lists_is_obps(log: dict[str, Any]) -> None:
    lists, places = np.shape(log["reward"])
    flat = {name: np.ravel(log[name]) for name in ("reward", "propensity", "chance")}
    rows = rows_of(flat, episode=np.repeat(np.arange(lists), places))
    assert value_of("rips", rows) == pytest.approx(log["rips"], rel=1e-9)


@pytest.mark.skipif(not OBD.exists(), reason="needs shared/data/obd beside the checkout")
@pytest.mark.parametrize("name", sorted(FIXTURE["obd"]))
def test_values_of_the_open_bandit_dataset_are_obps(name: str) -> None:
    log = read_bandit_log(str(OBD / name), read_fields("obd"))
    number = np.array([int(item) for item in log.items])[log.item]
    chance = 1.0 / (1 + np.arange(46))
    chance /= chance.sum()
    model = np.linspace(0, 0.01, 46)
    rows = rows_of(
        {
            "reward": log.reward,
            "propensity": log.propensity,
            "chance": chance[number],
            "modelled": model[number],
            "expected": np.full(len(number), chance @ model),
        }
    )
    for estimator, value in FIXTURE["obd"][name].items():
        assert value_of(estimator, rows) == pytest.approx(value, rel=1e-9)


def test_a_hand_worked_table() -> None:
    # Two lists of two places; w = 2, 0.5, 1, 4.
    rows = rows_of(
        {
            "reward": [1, 2, 0, 3],
            "propensity": [0.25, 0.5, 0.5, 0.25],
            "chance": [0.5, 0.25, 0.5, 1.0],
            "modelled": [1, 1, 1, 1],
            "expected": [0.5, 0.5, 0.5, 0.5],
        },
        episode=np.array([0, 0, 1, 1]),
    )
    assert value_of("ips", rows) == (2 + 1 + 0 + 12) / 2
    assert value_of("snips", rows) == pytest.approx(2 * 15 / 7.5)
    assert value_of("dm", rows) == 1
    # w (r - 1) = 0, 0.5, -1, 8.
    assert value_of("dr", rows) == 1 + 7.5 / 2
    # The threshold of 2.5 leaves the last row to the model.
    assert value_of("switch-dr", rows) == 1 - 0.5 / 2
    # Products: 2, 1; 1, 4.
    assert value_of("rips", rows) == (2 + 2 + 0 + 12) / 2


def test_the_effective_sample_size_is_the_rows_where_weights_are_equal() -> None:
    assert effective_sample_size(np.full(7, 3.0)) == pytest.approx(7)
    assert effective_sample_size(np.array([1.0, 0, 0])) == 1
    assert effective_sample_size(np.zeros(3)) == 0


def test_rows_of_a_cluster_widen_the_interval() -> None:
    random = np.random.default_rng(0)
    user = random.normal(size=50)
    reward = np.repeat(user, 20)
    rows = rows_of(
        {"reward": reward, "propensity": np.ones(1000), "chance": np.ones(1000)},
        cluster=np.repeat(np.arange(50), 20),
    )
    terms = ESTIMATORS["ips"]().terms(rows)
    found, apart = clustered(terms, rows.cluster), clustered(terms, np.arange(1000))
    assert found.value == apart.value == pytest.approx(reward.mean())
    # Rows of a user are equal: the width is that of 50 rows, sqrt(20) times that of 1,000, and
    # somewhat more, as 50 clusters have fewer degrees of freedom.
    ratio = (found.high - found.low) / (apart.high - apart.low)
    assert np.sqrt(20) < ratio < 1.15 * np.sqrt(20)


def test_intervals_hold_the_truth() -> None:
    random = np.random.default_rng(1)
    held, truth = 0, 0.3 * 2.5 / 1.0
    logs = 200
    for _ in range(logs):
        users = np.repeat(np.arange(200), 5)
        taste = random.uniform(0.5, 1.5, 200)[users]
        propensity = np.full(1000, 0.25)
        shown = random.random(1000) < 0.25
        # The policy always shows what the log showed in a quarter of the rows.
        reward = taste * 0.75 * random.exponential(size=1000) * shown
        rows = rows_of(
            {"reward": reward, "propensity": propensity, "chance": shown.astype(float)},
            cluster=users,
        )
        interval = clustered(ESTIMATORS["ips"]().terms(rows), users)
        held += interval.low <= truth <= interval.high
    assert 0.90 * logs <= held <= 0.99 * logs


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"propensity": [0.0]}, "propensities must be above 0"),
        ({"reward": [np.nan]}, "a reward that is not a finite number"),
        ({"chance": [1.5]}, "probabilities must be from 0 to 1"),
    ],
)
def test_impossible_rows_are_refused(change: dict[str, Any], message: str) -> None:
    columns = {"reward": [1.0], "propensity": [0.5], "chance": [0.5], **change}
    with pytest.raises(EstimationError, match=message):
        rows_of(columns).check()
