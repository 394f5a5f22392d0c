"""The command from a data set to a model directory, its resumption and its errors."""

import csv
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from inference.models.choices import ModelChoice
from inference.models.directory import load_policy
from inference.models.info import read_info
from inference.models.versions import LOOK_EVERY, VersionedModel
from training.datasets.raw_files import FEATURES
from training.embed import main as embed
from training.train import main

SMALL = ["--item_dim", "8", "--user_dim", "4", "--hidden", "16", "--batch_size", "64"]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """30 users walk round a circle of 12 items: the next item is certain."""
    n = 40
    step = np.concatenate([(user + np.arange(n)) % 12 for user in range(30)])
    table = {
        "user": np.repeat(np.arange(1, 31), n),
        "item": 100 + step,
        "label": ["pv"] * (30 * n),
        "time": np.tile(np.arange(n) * 60, 30),
    }
    none = np.full(30 * n, -1)
    table |= dict.fromkeys(FEATURES, none)
    folder = tmp_path / "data"
    folder.mkdir()
    pq.write_table(pa.table(table), folder / "events.parquet")
    return folder


def train(data: Path, output: Path, *more: str) -> int:
    return main(["--data", str(data), "--output", str(output), *SMALL, *more])


@pytest.mark.parametrize("algorithm", ["reinforce", "ddpg", "bcq"])
def test_a_policy_learns_the_circle(algorithm: str, data: Path, tmp_path: Path) -> None:
    output = tmp_path / "model"
    epochs = ["--pretrain_epochs", "12", "--epochs", "8", "--pretrain_rate", "0.01"]
    assert train(data, output, "--algorithm", algorithm, *epochs) == 0
    policy = load_policy(output)
    history = 100 + np.arange(5, 11)[None]
    ranking = policy.rank(np.array([1]), history, np.array([6]), 3)
    assert 111 in ranking.items[0].tolist()
    won = policy.info.metrics["epoch"] > 0
    assert policy.info.label.startswith(f"{algorithm}-" if won else "supervised-start-")
    assert policy.info.training["learnt_from"] == "events"
    with (output / "training" / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {"supervised", "policy", "supervised_again"} <= {row["stage"] for row in rows}
    assert list((output / "training").glob("events.*"))


def test_equal_seeds_give_equal_models_and_a_resumed_run_too(data: Path, tmp_path: Path) -> None:
    common = ["--algorithm", "reinforce", "--patience", "9"]
    whole = [*common, "--pretrain_epochs", "3", "--epochs", "3"]
    train(data, tmp_path / "a", *whole)
    train(data, tmp_path / "b", *whole)
    train(data, tmp_path / "c", *common, "--pretrain_epochs", "3", "--epochs", "1")
    train(data, tmp_path / "c", *whole, "--resume")
    versions = [
        json.loads((tmp_path / name / "model.json").read_text())["version"] for name in "abc"
    ]
    assert versions[0] == versions[1] == versions[2]


def test_embeddings_in_the_output_are_the_start(data: Path, tmp_path: Path) -> None:
    output = tmp_path / "model"
    assert embed(["--data", str(data), "--output", str(output), "--dim", "8", "--epochs", "2"]) == 0
    names = ("item_embeddings.npy", "user_embeddings.npy", "item_map.json", "user_map.json")
    before = {name: (output / name).read_bytes() for name in names}
    short = ["--algorithm", "reinforce", "--pretrain_epochs", "2", "--epochs", "1", "--freeze"]
    assert train(data, output, *short) == 0
    # Frozen, they stay to the last byte: the unknown id's row, the last, among them.
    assert {name: (output / name).read_bytes() for name in names} == before
    sizes = load_policy(output).info.sizes
    assert (sizes.item_dim, sizes.user_dim, sizes.items, sizes.users) == (8, 8, 12, 30)
    free = tmp_path / "free"
    assert train(data, free, *short[:-1], "--embeddings", str(output)) == 0
    assert (free / "item_map.json").read_bytes() == before["item_map.json"]
    assert (free / "item_embeddings.npy").read_bytes() != before["item_embeddings.npy"]


def test_a_run_from_embeddings_in_its_output_goes_on(data: Path, tmp_path: Path) -> None:
    versions = []
    for name, epochs in (("a", ["2"]), ("b", ["1", "2"])):
        output = tmp_path / name
        embed(["--data", str(data), "--output", str(output), "--epochs", "1", "--dim", "6"])
        for number, most in enumerate(epochs):
            run = ["--algorithm", "ddpg", "--pretrain_epochs", "1", "--epochs", most]
            assert train(data, output, *run, *(["--resume"] if number else [])) == 0
        info = json.loads((output / "model.json").read_text())
        assert info["sizes"]["user_dim"] == 6
        versions.append(info["version"])
    assert versions[0] == versions[1]


def test_an_epoch_that_is_no_better_leaves_the_start(data: Path, tmp_path: Path) -> None:
    run = ["--algorithm", "reinforce", "--pretrain_epochs", "8", "--pretrain_rate", "0.01"]
    spoilt = ["--learning_rate", "3", "--epochs", "9", "--patience", "2"]
    assert train(data, tmp_path / "a", *run, *spoilt) == 0
    assert train(data, tmp_path / "b", *run, "--epochs", "0") == 0
    spoilt, start = (load_policy(tmp_path / name) for name in "ab")
    assert spoilt.info.metrics["epoch"] == 0
    assert spoilt.info.version == start.info.version
    assert spoilt.info.label == start.info.label == f"supervised-start-{start.info.version}"
    again = ["--start", str(tmp_path / "b"), "--epochs", "0", "--pretrain_epochs", "1"]
    named = main([*map(str, ("--data", data, "--output", tmp_path / "c")), *run[:2], *again])
    assert (named, load_policy(tmp_path / "c").info.name) == (0, "supervised-start")
    with_name = [*run, "--epochs", "0", "--name", "mine"]
    assert train(data, tmp_path / "d", *with_name) == 0
    assert load_policy(tmp_path / "d").info.name == "mine"
    with (tmp_path / "a" / "training" / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["epoch"] for row in rows if row["stage"] == "policy"} == {"0", "1", "2"}


def test_what_is_wrong_is_one_line(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "model"
    assert train(tmp_path, output, "--algorithm", "bcq") == 2
    assert "training.prepare" in capsys.readouterr().err
    run = ["--algorithm", "reinforce", "--pretrain_epochs", "1", "--epochs", "1"]
    assert train(data, output, *run) == 0
    capsys.readouterr()
    assert train(data, output, *run, "--resume", "--cap", "2") == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert train(data, output, *run, "--freeze") == 2
    assert "--freeze" in capsys.readouterr().err
    of_others = (["--anchor", "1"], ["--kl", "1"])
    for wrong in (
        ["--cap", "-1"],
        ["--device", "abacus"],
        ["--seed", "x"],
        ["--tau", "2"],
        *of_others,
    ):
        with pytest.raises(SystemExit) as left:
            train(data, output, *run, *wrong)
        assert left.value.code == 2
        assert capsys.readouterr().err.count("\n") == 1


def test_a_model_that_is_trained_again_in_its_folder_is_taken_up(
    data: Path, tmp_path: Path
) -> None:
    models, now = tmp_path / "models", [0.0]
    quick = ["--algorithm", "reinforce", "--pretrain_epochs", "1", "--epochs", "1", "--current"]
    assert train(data, models / "policy", *quick, "--seed", "1") == 0
    used = VersionedModel(ModelChoice(models), clock=lambda: now[0])
    first = used.policy().info.version
    assert train(data, models / "policy", *quick, "--seed", "2") == 0
    now[0] = 2 * LOOK_EVERY
    second = used.policy().info.version
    assert second == json.loads((models / "policy" / "model.json").read_text())["version"] != first


def test_a_training_that_diverges_keeps_the_model_before(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = ["--algorithm", "reinforce", "--pretrain_epochs", "1", "--epochs", "1", "--no_refit"]
    assert train(data, tmp_path / "a", *run) == 0
    before = (tmp_path / "a" / "model.json").read_bytes()
    capsys.readouterr()
    assert train(data, tmp_path / "a", *run, "--pretrain_rate", "1e37") == 2
    said = capsys.readouterr().err
    assert "smaller --pretrain_rate" in said
    assert said.strip().count("\n") == 0
    assert (tmp_path / "a" / "model.json").read_bytes() == before


def test_the_window_is_that_of_the_log_and_model_json_says_what_a_policy_needs(
    data: Path, tmp_path: Path
) -> None:
    (data / "meta.json").write_text(json.dumps({"log": {"history_size": 7}}))
    quick = ["--algorithm", "reinforce", "--pretrain_epochs", "1", "--epochs", "0", "--no_refit"]
    found = []
    for name, more in (("a", []), ("b", ["--window", "5", "--min_history", "4"])):
        assert train(data, tmp_path / name, *quick, *more) == 0
        info = read_info(tmp_path / name)
        found.append((info.history, info.min_history))
    (history, measured), given = found
    assert (history, given) == (7, (5, 4))
    assert measured is None or 1 <= measured <= history


def test_files_of_a_resumed_run_that_are_broken_are_one_line(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "model"
    assert embed(["--data", str(data), "--output", str(output), "--epochs", "1", "--dim", "8"]) == 0
    run = ["--algorithm", "ddpg", "--pretrain_epochs", "1", "--epochs", "1", "--no_refit"]
    assert train(data, output, *run) == 0
    for name in ("checkpoint.pt", "start.pt"):
        path = output / "training" / name
        good = path.read_bytes()
        for junk in (b"", b"junk", good[: len(good) // 2]):
            path.write_bytes(junk)
            capsys.readouterr()
            assert train(data, output, *run, "--resume") == 2
            said = capsys.readouterr().err
            assert name in said
            assert said.strip().count("\n") == 0
        path.write_bytes(good)
    assert train(data, output, *run, "--resume") == 0
