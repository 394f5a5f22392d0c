"""Models by option, by share of the users, and by the version that CURRENT names."""

import logging
from pathlib import Path

import numpy as np
import pytest

from inference.models.choices import ModelChoice, parse_models, shares
from inference.models.directory import save_policy
from inference.models.files import ModelError
from inference.models.info import ModelInfo
from inference.models.registry import Registry, RegistrySource
from inference.models.versions import LOOK_EVERY, VersionedModel
from tests.inference.tiny import tiny_ids, tiny_network


def save(directory: Path, version: str) -> None:
    network = tiny_network()
    save_policy(directory, network, *tiny_ids(), ModelInfo("reinforce", version, network.sizes))


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_options() -> None:
    assert parse_models(["some/dir"]) == (ModelChoice(Path("some/dir")),)
    assert parse_models(["c:/dir"]) == (ModelChoice(Path("c:/dir")),)
    assert parse_models(["a=x:0.9", "b=y/z:0.1"]) == (
        ModelChoice(Path("x"), "a", 0.9),
        ModelChoice(Path("y/z"), "b", 0.1),
    )
    assert parse_models(["a=x"]) == (ModelChoice(Path("x"), "a", 1.0),)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["a=x:much"], "no weight"),
        (["a=x:-1"], "no weight"),
        (["a=x:nan"], "no weight"),
        (["=x"], "name"),
        (["a b=x"], "name"),
        (["a="], "no folder"),
        ([""], "no folder"),
        (["x", "y"], "need names"),
        (["a=x", "a=y"], "one name"),
        (["a=x:0", "b=y:0"], "all 0"),
    ],
)
def test_wrong_options_are_named(values: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message) as raised:
        parse_models(values)
    assert "\n" not in str(raised.value)


def test_shares_follow_the_weights_and_the_user_alone() -> None:
    users = np.concatenate([np.arange(100_000), -np.arange(1, 1000), [2**63 - 1, -(2**63)]])
    share = shares(users, [0.7, 0.0, 0.3])
    assert np.bincount(share, minlength=3)[1] == 0
    assert np.mean(share == 2) == pytest.approx(0.3, abs=0.01)
    order = np.random.default_rng(0).permutation(len(users))
    assert np.array_equal(shares(users[order], [0.7, 0.0, 0.3]), share[order])
    assert np.array_equal(shares(users, [7, 0, 3]), share)
    assert set(shares(users, [0.5, 0.0])) == {0}
    # Fixed values: another version or machine must not move users between models.
    assert shares(np.arange(12), [1, 1]).tolist() == [1, 1, 1, 0, 0, 0, 1, 0, 1, 1, 0, 0]


def test_each_user_gets_the_list_of_its_model(tmp_path: Path) -> None:
    save(tmp_path / "x", "1")
    save(tmp_path / "y", "2")
    registry = RegistrySource(parse_models([f"a={tmp_path}/x:1", f"b={tmp_path}/y:1"])).load()
    users = np.arange(100)
    histories = np.full((100, 10), 7)
    ranked = registry.rank(users, histories, np.full(100, 10), 8)
    share = shares(users, [1, 1])
    assert [name.decode() for name in ranked.policy] == [("a-1", "b-2")[s] for s in share]
    assert (ranked.length == 8).all()
    assert (ranked.propensities == 1).all()


def test_a_new_version_is_taken_and_a_broken_one_is_not(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    save(tmp_path / "v1", "1")
    save(tmp_path / "v2", "2")
    current, clock = tmp_path / "CURRENT", Clock()
    current.write_text("v1\n")
    model = VersionedModel(ModelChoice(tmp_path), clock=clock)
    current.write_text("v2\n")
    assert model.policy().info.version == "1"
    clock.now += LOOK_EVERY
    assert model.policy().info.version == "2"
    for broken in ("v3", "../v1", ""):
        caplog.clear()
        current.write_text(broken)
        for _ in range(3):
            clock.now += LOOK_EVERY
            assert model.policy().info.version == "2"
        assert len(caplog.records) == 1
    # Once it is complete it is taken.
    current.write_text("v3")
    save(tmp_path / "v3", "3")
    clock.now += LOOK_EVERY
    assert model.policy().info.version == "3"
    current.unlink()
    clock.now += LOOK_EVERY
    assert model.policy().info.version == "3"


def test_a_folder_without_a_model_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no model directory"):
        Registry([ModelChoice(tmp_path)])
    save(tmp_path / "v1", "1")
    with pytest.raises(ModelError, match="CURRENT"):
        Registry([ModelChoice(tmp_path)])
