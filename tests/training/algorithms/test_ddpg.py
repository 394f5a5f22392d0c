"""DDPG's targets by hand, and that its actor climbs its critic."""

import numpy as np
import pytest
import torch

from inference.network.network import Network
from inference.network.sizes import Sizes
from training.algorithms.ddpg import Ddpg, bootstrap
from training.algorithms.learner import soft_update
from training.algorithms.options import DdpgOptions
from training.algorithms.softmax import ItemSampler
from training.datasets.batches import Batch


def batch(n: int = 64) -> Batch:
    rng = np.random.default_rng(0)
    rewards = torch.ones(n, 1)
    return Batch(
        torch.from_numpy(rng.integers(0, 6, (n, 3))),
        torch.from_numpy(rng.integers(0, 4, n)),
        torch.zeros(n, dtype=torch.int64),
        torch.from_numpy(rng.integers(0, 6, (n, 1))),
        rewards,
        rewards,
        torch.zeros(n, 1),
        torch.from_numpy(rng.random(n) < 0.5),
    )


def test_bootstrap_by_hand() -> None:
    rewards = torch.tensor([[1.0, 0.0], [1.0, 2.0]])
    got = bootstrap(rewards, torch.tensor([0.9, 0.0]), torch.tensor([5.0, 5.0]))
    assert got.tolist() == [pytest.approx([5.5, 4.5]), pytest.approx([1.0, 2.0])]


def test_soft_update_by_hand() -> None:
    slow, fast = torch.nn.Linear(1, 1), torch.nn.Linear(1, 1)
    slow.weight.data.fill_(1.0)
    fast.weight.data.fill_(3.0)
    soft_update(slow, fast, 0.25)
    assert slow.weight.item() == pytest.approx(1.5)
    assert fast.weight.item() == 3.0


def test_next_histories() -> None:
    one = torch.ones(2, 1)
    steps = Batch(
        torch.tensor([[1, 2, 3], [4, 9, 9]]),
        torch.tensor([3, 1]),
        torch.tensor([0, 0]),
        torch.tensor([[7], [8]]),
        one,
        one,
        one,
        torch.tensor([False, False]),
    )
    after, lengths = steps.next_histories(unknown=9)
    assert after.tolist() == [[2, 3, 7], [4, 8, 9]]
    assert lengths.tolist() == [3, 2]


def test_learning_moves_the_head_alone_and_the_critic_finds_the_value() -> None:
    torch.manual_seed(0)
    network = Network("ddpg", Sizes(items=6, users=1, item_dim=4, user_dim=2, hidden=16))
    before = {name: value.clone() for name, value in network.state_dict().items()}
    sampler = ItemSampler(np.arange(6), 6, 0, torch.device("cpu"))
    learner = Ddpg(network, sampler, DdpgOptions(gamma=0.0, anchor=0.0))
    losses = [learner.update(batch())["critic"].item() for _ in range(300)]
    # Every reward is 1 and gamma 0: Q = 1.
    assert losses[-1] < 0.05 < losses[0]
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name]) == (not name.startswith("head."))
