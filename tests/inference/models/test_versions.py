"""A model in use follows its folder by content, and refuses what cannot be used."""

import dataclasses
import logging
import os
import shutil
from pathlib import Path

import pytest
import torch

from inference.models import directory as model_directory
from inference.models.choices import ModelChoice
from inference.models.directory import save_policy
from inference.models.files import ModelReadError
from inference.models.info import ModelInfo, read_info, write_info
from inference.models.versions import LOOK_EVERY, VersionedModel
from tests.inference.models.test_registry import Clock, save
from tests.inference.tiny import tiny_ids, tiny_network


def save_other(directory: Path, version: str = "") -> None:
    """A model with other weights than those of `save`."""
    network = tiny_network()
    torch.nn.init.normal_(network.bias)
    save_policy(directory, network, *tiny_ids(), ModelInfo("reinforce", version, network.sizes))


@pytest.fixture
def clock() -> Clock:
    return Clock()


def follow(directory: Path, clock: Clock) -> VersionedModel:
    return VersionedModel(ModelChoice(directory), clock=clock)


def label(model: VersionedModel, clock: Clock) -> str:
    clock.now += LOOK_EVERY
    return model.policy().info.label


def test_a_model_saved_into_the_folder_in_use_is_taken_up(tmp_path: Path, clock: Clock) -> None:
    save(tmp_path, "1")
    model = follow(tmp_path, clock)
    save(tmp_path, "2")
    assert model.policy().info.label == "reinforce-1"
    assert label(model, clock) == "reinforce-2"
    # Also where it is named alike: the content counts.
    before = model.policy()
    save_other(tmp_path, "2")
    assert label(model, clock) == "reinforce-2"
    assert model.policy() is not before


def test_a_version_saved_again_under_its_name_is_taken_up(tmp_path: Path, clock: Clock) -> None:
    save(tmp_path / "policy", "1")
    (tmp_path / "CURRENT").write_text("policy")
    model = follow(tmp_path, clock)
    save(tmp_path / "policy", "2")
    assert label(model, clock) == "reinforce-2"


def test_the_same_content_is_not_loaded_again(tmp_path: Path, clock: Clock) -> None:
    save(tmp_path, "1")
    model = follow(tmp_path, clock)
    before = model.policy()
    for path in tmp_path.iterdir():
        os.utime(path, (1, 1))
    label(model, clock)
    save(tmp_path, "1")
    label(model, clock)
    info = read_info(tmp_path)
    write_info(tmp_path, dataclasses.replace(info, metrics={"test_ndcg@10": 0.5}))
    label(model, clock)
    assert model.policy() is before


def test_a_refused_version_is_counted_and_logged_once_and_tried_when_it_changes(
    tmp_path: Path, clock: Clock, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.WARNING)
    save(tmp_path, "1")
    model = follow(tmp_path, clock)
    loads = []
    load = model_directory.load_policy
    monkeypatch.setattr(
        model_directory,
        "load_policy",
        lambda *given: loads.append(1) or load(*given),  # type: ignore[func-returns-value]
    )
    good = tmp_path.with_name("good")
    save_other(good, "2")
    shutil.copy(good / "item_embeddings.npy", tmp_path)
    shutil.copy(good / "model.json", tmp_path)
    for _ in range(5):
        assert label(model, clock) == "reinforce-1"
    assert (model.refused, len(caplog.records), len(loads)) == (1, 1, 1)
    assert "a save or a copy was interrupted" in caplog.text
    assert "reinforce-1 stays in use" in caplog.text
    shutil.copy(good / "model.pt", tmp_path)
    assert label(model, clock) == "reinforce-2"
    assert (model.refused, len(caplog.records), len(loads)) == (1, 1, 2)


def test_a_file_that_cannot_be_read_now_is_tried_again_though_nothing_changes(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(tmp_path, "1")
    model = follow(tmp_path, clock)
    save_other(tmp_path, "2")
    load = model_directory.load_policy

    def fail(*given: object) -> None:
        raise ModelReadError("input/output error")

    monkeypatch.setattr(model_directory, "load_policy", fail)
    assert [label(model, clock) for _ in range(3)] == ["reinforce-1"] * 3
    assert model.refused == 1
    monkeypatch.setattr(model_directory, "load_policy", load)
    assert label(model, clock) == "reinforce-2"


def test_back_to_the_version_in_use_after_a_broken_one(
    tmp_path: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    save(tmp_path / "v1", "1")
    current = tmp_path / "CURRENT"
    current.write_text("v1")
    model = follow(tmp_path, clock)
    for _ in range(2):
        current.write_text("../v1")
        label(model, clock)
        label(model, clock)
        current.write_text("v1")
        label(model, clock)
    assert (model.refused, len(caplog.records)) == (2, 2)
