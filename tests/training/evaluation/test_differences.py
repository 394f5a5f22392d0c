"""Paired differences of reports."""

import numpy as np
import pytest

from rivulet.errors import UserError
from training.evaluation.differences import add_differences
from training.evaluation.metrics import mean_interval, resample
from training.evaluation.protocol import MeasureConfig, Report

CONFIG = MeasureConfig(samples=200)
METRIC = "ndcg@10"


def report(name: str, kind: str, values: np.ndarray) -> Report:
    samples = resample(len(values), CONFIG.seed, CONFIG.samples)
    found = Report(name, kind, 1)
    found.values["later/new"] = {METRIC: values}
    found.scores["later/new"] = {METRIC: mean_interval(values, samples)}
    return found


def test_pairs_have_narrower_intervals_than_the_means() -> None:
    hard = np.random.default_rng(0).random(400)
    reports = [
        report("mine", "model", hard + 0.02),
        report("low", "baseline", hard - 0.1),
        report("best", "baseline", hard),
    ]
    add_differences(reports, None, CONFIG)
    found = reports[0].differences["later/new"]
    assert found.against == "best"
    assert found.scores[METRIC].value == pytest.approx(0.02)
    assert found.scores[METRIC].low == pytest.approx(0.02)
    own, other = (each.scores["later/new"][METRIC] for each in (reports[0], reports[2]))
    assert own.low < other.high
    assert reports[1].differences["later/new"].scores[METRIC].high < 0
    assert not reports[2].differences


def test_what_to_compare_with_can_be_named() -> None:
    reports = [report(name, "model", np.arange(4.0) + place) for place, name in enumerate("abc")]
    add_differences(reports, "c", CONFIG)
    assert reports[0].differences["later/new"].scores[METRIC].value == -2
    with pytest.raises(UserError, match="there are a, b, c"):
        add_differences(reports, "d", CONFIG)
    first = [report(name, "model", np.ones(3)) for name in "ab"]
    add_differences(first, None, CONFIG)
    assert first[1].differences["later/new"].against == "a"
