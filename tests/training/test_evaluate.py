"""The command on a small world in which items come round in a circle."""

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from inference.models.directory import save_policy
from inference.models.info import ModelInfo, read_info
from inference.network.network import Network
from inference.network.sizes import Sizes
from tests.refused import assert_refused
from training.datasets.loading import load_sequences
from training.evaluate import main
from training.evaluation.models import load_models
from training.prepare import main as prepare

METRICS = ("ndcg@10", "hr@10", "mrr", "coverage")
QUICK = ("--baselines", "popular,own-recent", "--samples", "50")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    n = 20
    table = {
        "user": np.repeat(np.arange(1, 31), n),
        "item": 100 + np.concatenate([(user + np.arange(n)) % 18 for user in range(30)]),
        "time": np.tile(np.arange(n) * 60, 30),
    }
    pq.write_table(pa.table(table), folder / "log.parquet")
    assert prepare(["--input", str(folder / "log.parquet"), "--output", str(folder)]) == 0
    return folder


def save_random_policy(data: Path, output: Path, **info: Any) -> None:
    sequences = load_sequences(data)
    sizes = Sizes(len(sequences.items), len(sequences.users), item_dim=4, user_dim=2)
    papers = ModelInfo("reinforce", "", sizes, fingerprint=sequences.fingerprint)
    network = Network("reinforce", sizes)
    papers = dataclasses.replace(papers, **info)
    save_policy(output, network, sequences.items, sequences.users, papers)


def test_json_table_and_plot(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_random_policy(data, tmp_path / "a", version="1")
    for seed in ("0", "1"):
        save_random_policy(data, tmp_path / "b" / seed, name="mine")
    found, drawn = tmp_path / "out/scores.json", tmp_path / "out/scores.svg"
    models = ["--model", str(tmp_path / "a"), str(tmp_path / "b")]
    outputs = ["--json", str(found), "--plot", str(drawn)]
    assert main(["--data", str(data), *models, *outputs, *QUICK]) == 0
    rows = json.loads(found.read_text())
    names = [(row["name"], row["kind"], row["seeds"]) for row in rows]
    assert names == [
        ("reinforce-1", "model", 1),
        ("mine", "model", 2),
        ("popular", "baseline", 1),
        ("own-recent", "baseline", 1),
    ]
    for row in rows:
        for metric in METRICS:
            assert 0 <= row[metric]["low"] <= row[metric]["value"] <= row[metric]["high"] <= 1
            assert row[metric] == row["protocols"]["later/new"][metric]
        found = row["differences"].get("later/new", {}).get("scores", {})
        assert bool(found) == (row["name"] != "popular")
        for metric, difference in found.items():
            value = row[metric]["value"] - rows[2][metric]["value"]
            assert difference["value"] == pytest.approx(value)
            assert difference["low"] <= difference["value"] <= difference["high"]
    said = capsys.readouterr().out
    assert "| ndcg@10 less that of popular |" in said
    assert said.count("| popular |") == 4 == len(re.findall(r"^\*\*.*\*\*$", said, re.M))
    assert f"{rows[3]['ndcg@10']['value']:.4f}" in said
    assert drawn.read_text().startswith("<?xml")


@pytest.mark.parametrize(
    ("info", "name"),
    [
        ({"metrics": {"supervised_epoch": 3.0, "epoch": 2.0}}, "reinforce-1"),
        ({"metrics": {"supervised_epoch": 3.0, "epoch": 0.0}}, "supervised start of reinforce-1"),
        ({"metrics": {"supervised_epoch": 3.0}}, "supervised start (reinforce-1)"),
        ({"metrics": {"supervised_epoch": 3.0}, "name": "supervised-start"}, "supervised-start"),
        (
            {
                "metrics": {"supervised_epoch": 3.0, "epoch": 0.0},
                "name": "supervised-start",
                "training": {"algorithm": "ddpg"},
            },
            "supervised start of ddpg-1",
        ),
        ({}, "reinforce-1"),
    ],
)
def test_a_start_that_won_is_named_so(
    data: Path, tmp_path: Path, info: dict[str, Any], name: str
) -> None:
    save_random_policy(data, tmp_path, version="1", **info)
    assert load_models(tmp_path, load_sequences(data), "cpu")[0] == name


def test_numbers_of_the_circle(data: Path, tmp_path: Path) -> None:
    # Each user has had 16 of 18 items; then come the two others, and the first two again.
    found = tmp_path / "scores.json"
    assert main(["--data", str(data), "--json", str(found), "--repeat_consumed", *QUICK]) == 0
    _, own = json.loads(found.read_text())
    assert own["protocol"] == "later/repeats"
    # The user's second item stands in the 15th place of those that were had, the last one first.
    assert (own["hr@10"]["value"], own["mrr"]["value"]) == (0, pytest.approx(1 / 15))
    # Of new items there are two for each user, and both come up.
    new = own["protocols"]["later/new"]
    assert new["ndcg@10"]["value"] == new["hr@10"]["value"] == new["mrr"]["value"] == 1


def test_measures_are_recorded_in_the_models_papers(data: Path, tmp_path: Path) -> None:
    save_random_policy(data, tmp_path / "a", version="1")
    before = read_info(tmp_path / "a")
    found = tmp_path / "scores.json"
    asked = ["--data", str(data), "--model", str(tmp_path / "a"), "--json", str(found)]
    assert main([*asked, *QUICK, "--record"]) == 0
    after = read_info(tmp_path / "a")
    assert dataclasses.replace(after, metrics=before.metrics) == before
    value = json.loads(found.read_text())[0]["mrr"]["value"]
    assert after.metrics["test_mrr"] == pytest.approx(value, abs=1e-4)


def test_where_nothing_new_comes_repeats_count(tmp_path: Path) -> None:
    table = {"user": [1] * 5 + [2] * 5, "item": [1, 2, 1, 2, 1] * 2, "time": [*range(5)] * 2}
    pq.write_table(pa.table(table), tmp_path / "log.parquet")
    log = ["--input", str(tmp_path / "log.parquet"), "--output", str(tmp_path)]
    assert prepare(log) == 0
    found = tmp_path / "scores.json"
    assert main(["--data", str(tmp_path), "--json", str(found), *QUICK]) == 0
    own = json.loads(found.read_text())[1]
    assert set(own["protocols"]) == {"later/repeats", "next/repeats"}
    assert own["ndcg@10"]["value"] == pytest.approx(np.log(2) / np.log(3))


def test_what_is_wrong_is_one_line(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = [
        (["--data", str(tmp_path)], "training.prepare"),
        (["--data", str(data), "--model", str(tmp_path)], "holds none"),
        (["--data", str(data), "--baselines", "magic"], "popular"),
        (["--data", str(data), "--baselines", "none"], "nothing to measure"),
        (["--data", str(data), *QUICK, "--against", "magic"], "there are popular, own-recent"),
        (["--data", str(data), *QUICK, "--plot", str(tmp_path / "a.tune")], "tune"),
    ]
    assert_refused(main, capsys, wrong)
