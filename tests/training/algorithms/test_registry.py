"""Algorithms by name: the built-in ones, and one that another package registers."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from inference.models.directory import load_policy
from training.algorithms.registry import BUILT_IN, AlgorithmError, find_algorithm, names
from training.train import main

QUICK = ("--pretrain_epochs", "0", "--epochs", "1", "--item_dim", "4", "--user_dim", "2")


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed package whose entry points name the example, and one that is broken."""
    metadata = tmp_path / "site" / "my_shop-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: my-shop\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(
        "[rivulet.algorithms]\n"
        "return-weighted = tests.training.algorithms.example:ALGORITHM\n"
        "broken = tests.training.algorithms.nowhere:ALGORITHM\n"
        "other = tests.training.algorithms.example:make\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path / "site"))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    rows = [(user, (user + at) % 9, "pv", at * 60) for user in range(8) for at in range(20)]
    names = ("user", "item", "label", "time")
    folder = tmp_path / "data"
    folder.mkdir()
    columns = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
    pq.write_table(pa.table(columns), folder / "events.parquet")
    return folder


@pytest.mark.parametrize("name", BUILT_IN)
def test_built_in_algorithms_have_their_names_and_options(name: str) -> None:
    found = find_algorithm(name)
    assert (found.name, found.options) == (name, BUILT_IN[name][1])


def test_an_algorithm_of_another_package_is_trained_and_served(
    installed: None, data: Path, tmp_path: Path
) -> None:
    assert "return-weighted" in names()
    output = tmp_path / "model"
    given = ["--data", str(data), "--output", str(output), "--algorithm", "return-weighted"]
    assert main([*given, *QUICK, "--power", "2"]) == 0
    policy = load_policy(output)
    assert policy.info.label.startswith("return-weighted-")
    training = json.loads((output / "model.json").read_text())["training"]
    assert training["algorithm"] == "return-weighted"
    assert training["options"] == {"power": 2.0}


def test_its_options_are_its_own(
    installed: None, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["--algorithm", "return-weighted", "--help"])
    assert "--power POWER" in capsys.readouterr().out
    given = ["--data", str(data), "--output", str(tmp_path / "model")]
    for wrong, message in (
        (["--algorithm", "reinforce", "--power", "2"], "--power"),
        (["--algorithm", "magic"], "return-weighted"),
        (["--algorithm", "broken"], "cannot be imported"),
        (["--algorithm", "other"], "is no Algorithm"),
        ([], "--algorithm"),
    ):
        with pytest.raises(SystemExit) as left:
            main([*given, *wrong])
        assert left.value.code == 2
        said = capsys.readouterr().err
        assert message in said
        assert said.count("\n") == 1


def test_a_name_that_nobody_registers_is_an_error() -> None:
    with pytest.raises(AlgorithmError, match="choose from reinforce, ddpg, bcq"):
        find_algorithm("magic")
