"""Validation metrics of networks that have diverged."""

import numpy as np
import pytest
import torch

from inference.network.network import Network
from inference.network.sizes import Sizes
from training.datasets.lists import ShownLists
from training.datasets.transitions import Transitions
from training.trainer.validation import NDCG, REWARD, validation

CPU = torch.device("cpu")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_network_whose_scores_are_not_finite_is_the_worst(value: float) -> None:
    network = Network("reinforce", Sizes(items=20, users=1, item_dim=4)).train()
    one = np.ones(1, np.float32)
    state = np.array([[0, 20]]), np.array([1]), np.array([0])
    steps = Transitions(*state, np.array([1]), one, one, np.array([True]))
    lists = ShownLists.of(
        *state, np.arange(1, 20)[None], np.ones((1, 19), np.float32), one[:, None]
    )
    lists = ShownLists.of(*state, lists.items, lists.rewards, np.ones((1, 19), np.float32))
    measure = validation(steps, lists, CPU)
    assert measure(network)[REWARD] > 0
    with torch.no_grad():
        network.bias[3] = value
    assert measure(network) == {REWARD: 0.0, NDCG: 0.0}
    assert network.training
