"""Estimates from feedback logs: rows against plain loops, the reward model, fitted Q evaluation."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.training.logs import known_log
from training.estimation import fqe
from training.estimation.intervals import clustered
from training.estimation.item_vectors import item_vectors
from training.estimation.list_estimates import ListEstimator
from training.estimation.list_log import ListLog, read_list_log
from training.estimation.list_model import FOLDS, RIDGE, RIDGE_ITEMS, fit_list_model
from training.estimation.measure import estimator_of
from training.estimation.rows import EstimationError
from training.estimation.targets import FixedTarget, RankedTarget
from transforms.columns.names import keys_of


def made_log(seed: int = 0, lists: int = 300, users: int = 40, items: int = 12) -> ListLog:
    """Lists of up to 3 of 12 items, the second and third of which are drawn."""
    random = np.random.default_rng(seed)
    shown = np.stack([random.permutation(items)[:3] + 1 for _ in range(lists)])
    length = random.integers(1, 4, lists)
    real = np.arange(3) < length[:, None]
    propensity = np.where(real, np.array([1.0, 0.5, 0.25]), 0)
    taste = random.normal(size=items + 1)
    reward = np.where(real, random.poisson(np.exp(taste[shown])), 0).astype(float)
    return ListLog(
        user=random.integers(users, size=lists),
        time=np.arange(lists),
        history=random.integers(1, items + 1, (lists, 4)),
        history_length=random.integers(0, 5, lists),
        items=np.where(real, shown, 0),
        length=length,
        propensity=propensity,
        reward=reward,
        explored=length > 1,
    )


def estimator_for(log: ListLog) -> ListEstimator:
    return ListEstimator(log, switch_threshold=10, gamma=0.9, min_ess=0)


def made_target(log: ListLog, estimator: ListEstimator, seed: int = 1) -> RankedTarget:
    random = np.random.default_rng(seed)
    # 13 and 14 are items that the log does not have.
    lists = np.stack([random.permutation(14)[:3] + 1 for _ in range(len(log))])
    return RankedTarget(estimator.ids.rows(lists), log.length)


@pytest.mark.parametrize("seed", range(3))
def test_rows_are_those_of_plain_loops(seed: int) -> None:
    estimator = estimator_for(made_log(seed))
    log = estimator.supported
    target = made_target(log, estimator)
    rows = estimator.rows(target)
    assert len(log) < len(estimator.log)
    number, ids = 0, estimator.ids
    for at in range(len(log)):
        own = {int(row) for row in target.items[at, : log.length[at]]} - {ids.unknown}
        expected = 0.0
        model = estimator.model
        for row in target.items[at, : log.length[at]]:
            vector, fold = model.vectors.table[row], model.fold[at]
            expected += model.effect[fold, row] + model.weight[fold, 0]
            expected += float((model.weight[fold, 1:] * model.means[at]) @ vector)
        for place in range(log.length[at]):
            item = int(ids.rows(log.items[at, place : place + 1])[0])
            assert rows.chance[number] == (item in own)
            assert rows.propensity[number] == log.propensity[at, place]
            assert rows.reward[number] == log.reward[at, place]
            assert rows.episode[number] == at
            assert rows.expected[number] * log.length[at] == pytest.approx(expected)
            number += 1
    assert number == len(rows)


def test_the_share_without_support() -> None:
    log = made_log(lists=2_000)
    estimator = estimator_for(log)
    lists = estimator.supported
    # The log's own lists are supported where it explored.
    own = RankedTarget(estimator.ids.rows(lists.items), lists.length)
    none = RankedTarget(np.full(lists.items.shape, estimator.ids.unknown), lists.length)
    drawn = ListEstimator(lists, 10, 0.9, 0)
    assert drawn.unsupported(own, drawn.rows(own).weight) == 0
    assert estimator.unsupported(none, estimator.rows(none).weight) == 1
    certain = ListEstimator(made_log(lists=50), 10, 0.9, 0)
    certain.log.explored[:] = False
    found = certain.estimates("p", Path("unread.csv"), ["ips", "fqe"])
    assert [each.unsupported for each in found] == [1, 1]
    assert [each.as_json()["verdict"] for each in found] == ["cannot tell"] * 2
    assert found[0].as_json()["value"] is None


def test_probabilities_name_items_whose_ids_are_text(tmp_path: Path) -> None:
    log = made_log()
    texts = [f"item {number}" for number in range(1, 13)]
    keys = np.r_[0, keys_of(pa.array(texts)).key]
    named = replace(log, items=keys[log.items], history=keys[log.history])
    rows = [
        (f"{item}", place, chance)
        for place in (1, 2, 3)
        for item, chance in ((place, 0.5), (place + 4, 0.25), ("new", 0.25))
    ]
    found = []
    for name, each in (("", log), ("item ", named)):
        lines = [f"{name}{item},{place},{chance}" for item, place, chance in rows]
        path = tmp_path / f"{name}policy.csv"
        path.write_text("\n".join(["item,place,probability", *lines]) + "\n")
        estimator = estimator_for(each)
        shown = estimator.ids.rows(estimator.supported.items)
        found.append(estimator.target(path).chance(shown))
    assert found[0].any()
    assert np.array_equal(*found)


@given(st.integers(0, 100))
def test_sums_of_targets_are_those_of_loops(seed: int) -> None:
    random = np.random.default_rng(seed)
    n, k, items = 6, 3, 5
    values = random.normal(size=(items + 1, 2))
    length = random.integers(0, k + 1, n)
    ranked = RankedTarget(np.stack([random.permutation(items + 1)[:k] for _ in range(n)]), length)
    places = random.dirichlet(np.ones(items + 1) * 5, k)
    if (places[:, :-1].sum(axis=0) > 1).any():
        with pytest.raises(EstimationError, match="sum to more than 1"):
            FixedTarget.of(places, length)
        return
    fixed = FixedTarget.of(places, length)
    asked = random.integers(items, size=(n, k))
    for at in range(n):
        own = ranked.items[at, : length[at]]
        assert ranked.sums(values)[at] == pytest.approx(sum((values[i] for i in own), 0.0))
        assert ranked.chance(asked)[at].tolist() == [float(item in own) for item in asked[at]]
        chance = places[: length[at]].sum(axis=0)
        assert fixed.sums(values)[at] == pytest.approx(chance @ values)
        assert fixed.chance(asked)[at] == pytest.approx(chance[asked[at]])


def test_the_reward_model_is_a_ridge_regression_on_the_other_folds() -> None:
    log = made_log(lists=400)
    vectors = item_vectors(log)
    model = fit_list_model(log, vectors)
    items, real = vectors.ids.rows(log.items), log.real
    width, count = vectors.table.shape[1], len(vectors.ids) + 1
    for fold in range(FOLDS):
        row, place = np.nonzero(real & (model.fold != fold)[:, None])
        item = items[row, place]
        z = np.hstack([np.eye(count)[item], np.ones((len(row), 1)),
                       vectors.table[item] * model.means[row]])  # fmt: skip
        penalty = np.diag(np.r_[np.full(count, RIDGE_ITEMS), 1e-6, np.full(width, RIDGE)])
        theta = np.linalg.solve(z.T @ z + penalty, z.T @ log.reward[row, place])
        assert model.effect[fold] == pytest.approx(theta[:count])
        assert model.weight[fold] == pytest.approx(theta[count:], rel=1e-6, abs=1e-9)
        row, place = np.nonzero(real & (model.fold == fold)[:, None])
        item = items[row, place]
        z = np.hstack([np.eye(count)[item], np.ones((len(row), 1)),
                       vectors.table[item] * model.means[row]])  # fmt: skip
        assert model.shown[row, place] == pytest.approx(z @ theta)
    users_of = {user: set(model.fold[log.user == user]) for user in log.user}
    assert all(len(folds) == 1 for folds in users_of.values())


def test_doubly_robust_estimates_are_near_the_truth() -> None:
    """A policy with known rewards: 12 items, the reward of an item is Poisson of its own mean."""
    random = np.random.default_rng(0)
    mean = np.linspace(0.1, 2, 10)
    lists, truth, held = 2_000, mean[:3].sum(), 0
    for _ in range(20):
        log = known_log(random, mean, lists)
        estimator = estimator_for(log)
        best = estimator.ids.rows(np.tile([1, 2, 3], (lists, 1)))
        rows = estimator.rows(RankedTarget(best, log.length))
        for name in ("ips", "snips", "dr"):
            interval = clustered(estimator_of(name, 10).terms(rows), rows.cluster)
            assert interval.value == pytest.approx(truth, rel=0.25)
            held += interval.low <= truth <= interval.high
    assert held >= 0.85 * 60


def test_fitted_q_ends_where_its_iteration_does() -> None:
    log = made_log(lists=600, users=20)
    estimator = estimator_for(log)
    target = made_target(estimator.supported, estimator)
    lists, model = estimator.supported, estimator.model
    found = fqe.fitted_q(lists, model, target, 0.8)
    assert found is not None
    shown = RankedTarget(estimator.ids.rows(lists.items), lists.length)
    logged, aimed = fqe._features(model, shown), fqe._features(model, target)
    scale = np.sqrt((logged**2).mean(axis=0))
    scale[scale == 0] = 1
    logged, aimed = logged / scale, aimed / scale
    follows: dict[int, int] = {}
    pairs = []
    for at, user in enumerate(lists.user.tolist()):
        if user in follows:
            pairs.append((follows[user], at))
        follows[user] = at
    now, after = fqe._successive(lists.user)
    assert sorted(zip(now.tolist(), after.tolist(), strict=True)) == sorted(pairs)
    phi, ahead = logged[now], aimed[after]
    reward = lists.reward.sum(axis=1)[now]
    theta = np.zeros(phi.shape[1])
    gram = phi.T @ phi + fqe.RIDGE * np.eye(phi.shape[1])
    for _ in range(3_000):
        theta = np.linalg.solve(gram, phi.T @ (reward + 0.8 * (ahead @ theta)))
    value = 0.2 * float((aimed @ theta).mean())
    assert found.interval.value == pytest.approx(value, rel=1e-6)
    assert 0.2 * float((found.weight * reward).mean()) == pytest.approx(value, rel=1e-6)
    assert found.interval.low < value < found.interval.high


def table_of(rows: list[dict[str, object]]) -> pa.Table:
    return pa.table({name: [row[name] for row in rows] for name in rows[0]})


def row_of(**change: object) -> dict[str, object]:
    row: dict[str, object] = {
        "user": 1, "time": 20, "history": [5, 6], "items": [7, 8], "policy": "bcq-1",
        "propensities": [1.0, 0.5], "rewards": [0.0, 3.0],
    }  # fmt: skip
    return {**row, **change}


def test_a_log_is_read_in_the_order_of_time(tmp_path: Path) -> None:
    rows = [
        row_of(time=40, items=[1], propensities=[1.0], rewards=[1.0]),
        row_of(policy="popular"),
        row_of(user=2),
        row_of(user=2),
        row_of(user=3, propensities=[0.0, 0.5]),
    ]
    pq.write_table(table_of(rows[:2]), tmp_path / "b.parquet")
    (tmp_path / "run").mkdir()
    pq.write_table(table_of(rows[2:]), tmp_path / "run" / "a.parquet")
    log = read_list_log(tmp_path)
    assert log.user.tolist() == [2, 3, 1]
    assert log.items.tolist() == [[7, 8], [7, 8], [1, 0]]
    assert log.length.tolist() == [2, 2, 1]
    # Deterministic lists and unknown propensities are no support.
    assert log.explored.tolist() == [True, False, False]


def test_places_that_were_drawn_explore_whatever_their_propensity(tmp_path: Path) -> None:
    drawn = {"propensities": [1.0, 1.0], "explored": [False, True]}
    rows = [row_of(**drawn), row_of(user=2, **{**drawn, "explored": [False, False]})]
    pq.write_table(table_of(rows), tmp_path / "log.parquet")
    assert read_list_log(tmp_path / "log.parquet").explored.tolist() == [True, False]


@pytest.mark.hostile
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rewards": [1.0]}, "not equally many"),
        ({"rewards": [1.0, float("nan")]}, "not a finite number"),
        ({"propensities": [1.0, 1.5]}, "not a number from 0 to 1"),
        ({"propensities": [1.0, None]}, "empty value"),
        ({"history": [1] * 1_001}, "the limit is 1,000"),
        ({"policy": "popular"}, "no list that a policy decided"),
    ],
)
def test_impossible_logs_are_refused(
    tmp_path: Path, change: dict[str, object], message: str
) -> None:
    pq.write_table(table_of([row_of(**change)]), tmp_path / "log.parquet")
    with pytest.raises(EstimationError, match=message):
        read_list_log(tmp_path)
