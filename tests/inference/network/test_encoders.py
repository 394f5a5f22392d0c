"""Encoders by name, and an encoder from an installed package that trains and ranks."""

from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path

import numpy as np
import pytest
import torch

from inference.models.directory import load_policy, save_policy
from inference.models.info import ModelInfo
from inference.network import encoders
from inference.network.window_encoders import Attention, Recurrent
from rivulet import plugins
from tests.inference.test_policy import rows_of
from tests.inference.tiny import tiny_ids, tiny_network, tiny_policy


@pytest.fixture
def _installed(monkeypatch: pytest.MonkeyPatch) -> None:
    points = EntryPoints(
        [
            EntryPoint("mean", "tests.inference.network.example:Mean", encoders.GROUP),
            EntryPoint("broken", "no_such_package:Encoder", encoders.GROUP),
        ]
    )
    monkeypatch.setattr(plugins, "entry_points", lambda group: points.select(group=group))


def test_built_in_encoders_have_names() -> None:
    assert encoders.encoder_names()[:2] == ("attention", "gru")
    assert encoders.encoder_class("attention") is Attention
    assert encoders.encoder_class("gru") is Recurrent


@pytest.mark.usefixtures("_installed")
def test_an_unknown_or_broken_encoder_is_named() -> None:
    assert encoders.encoder_names() == ("attention", "gru", "broken", "mean")
    with pytest.raises(ValueError, match="'magic' is not known; choose from attention, gru"):
        encoders.encoder_class("magic")
    with pytest.raises(ValueError, match=r"'broken' \(no_such_package:Encoder\) cannot be"):
        encoders.encoder_class("broken")


@pytest.mark.usefixtures("_installed")
def test_an_encoder_of_another_package_is_saved_and_ranks_alike_in_any_batch(
    tmp_path: Path,
) -> None:
    network = tiny_network(encoder="mean")
    save_policy(tmp_path, network, *tiny_ids(), ModelInfo("reinforce", "1", network.sizes))
    policy = load_policy(tmp_path)
    rows = rows_of(policy, 300)
    whole = policy.rank(*rows, 8)
    assert whole.items.tolist() == tiny_policy(encoder="mean").rank(*rows, 8).items.tolist()
    for row in range(0, 300, 17):
        alone = policy.rank(*(column[row : row + 1] for column in rows), 8)
        assert np.array_equal(alone.items[0], whole.items[row])


@pytest.mark.usefixtures("_installed")
def test_its_states_are_those_of_training() -> None:
    policy = tiny_policy(encoder="mean")
    users, histories, lengths = rows_of(policy, 200)
    trained = policy.network.encoder.double()
    with torch.no_grad():
        expected = trained(
            torch.from_numpy(policy.item_ids.rows(histories)),
            torch.from_numpy(lengths),
            torch.from_numpy(policy.user_ids.rows(users)),
        )
    assert (policy.states(users, histories, lengths) - expected).abs().max() < 1e-12
