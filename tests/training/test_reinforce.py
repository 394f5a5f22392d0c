"""REINFORCE's loss against numbers worked by hand, and what it makes of a small log."""

import math

import numpy as np
import pytest
import torch

from inference.encoder import Sizes
from inference.network import Network
from training.batches import Batch
from training.reinforce import (
    Reinforce,
    ReinforceOptions,
    importance_weights,
    policy_loss,
    top_k_multipliers,
)
from training.softmax import ItemSampler, log_probabilities


def logs(*values: float) -> torch.Tensor:
    return torch.tensor(values).log()


def test_weights_are_capped() -> None:
    pi, beta = logs(0.5, 0.1), logs(0.1, 0.2)
    assert importance_weights(pi, beta, 3.0).tolist() == pytest.approx([3.0, 0.5])
    assert importance_weights(pi, beta, 0.0).tolist() == [1.0, 1.0]


def test_multipliers() -> None:
    # K (1 - pi)^(K - 1): 2 * 0.75 and 3 * 0.5^2
    assert top_k_multipliers(logs(0.25), 2).tolist() == pytest.approx([1.5])
    assert top_k_multipliers(logs(0.5), 3).tolist() == pytest.approx([0.75])
    assert top_k_multipliers(logs(0.5), 1).tolist() == [1.0]


def test_loss_and_gradient_by_hand() -> None:
    pi = logs(0.25, 0.5).requires_grad_()
    loss = policy_loss(pi, logs(0.5, 0.1), torch.tensor([2.0, 1.0]), k=2, cap=3.0)
    # Weights 0.5 and 3 (capped), multipliers 1.5 and 1: factors times returns 1.5 and 3.
    assert loss.item() == pytest.approx((1.5 * math.log(4) + 3 * math.log(2)) / 2)
    loss.backward()
    assert pi.grad is not None
    assert pi.grad.tolist() == pytest.approx([-0.75, -1.5])


def test_softmax_by_hand() -> None:
    vectors = torch.tensor([[0.0], [math.log(3.0)], [9.0]])
    query = torch.tensor([[1.0]])
    found = log_probabilities(query, vectors, torch.tensor([1]))
    assert found.exp().tolist() == pytest.approx([0.75])


def test_a_sampled_softmax_estimates_the_sum_without_bias() -> None:
    torch.manual_seed(0)
    vectors, query = torch.randn(51, 4), torch.randn(1, 4)
    sampler = ItemSampler(np.repeat(np.arange(50), np.arange(50)), 50, 20_000, torch.device("cpu"))
    action = torch.tensor([7])
    sampled = log_probabilities(query, vectors, action, sampler.draw())
    assert sampled.item() == pytest.approx(
        log_probabilities(query, vectors, action).item(), abs=0.05
    )


def bandit_log(n: int) -> Batch:
    """Item 0 is shown in 80% of cases and earns 1; item 1 in 20%, and earns 2."""
    action = (torch.arange(n) % 5 == 0).long()
    rewards = 1.0 + action.float()
    return Batch(
        torch.full((n, 3), 2),
        torch.full((n,), 3),
        torch.zeros(n, dtype=torch.int64),
        action,
        rewards,
        rewards,
        torch.ones(n, dtype=torch.bool),
    )


def learnt(cap: float) -> tuple[float, float]:
    """pi(1) and beta(1) after some steps."""
    torch.manual_seed(1)
    network = Network("reinforce", Sizes(items=3, users=1, item_dim=4, user_dim=2))
    sampler = ItemSampler(np.array([0, 1]), 3, 0, torch.device("cpu"))
    learner = Reinforce(network, sampler, ReinforceOptions(1, cap, learning_rate=0.01))
    batch = bandit_log(50)
    for _ in range(150):
        learner.update(batch)
    with torch.no_grad():
        state = network.encoder(batch.histories[:1], batch.lengths[:1], batch.users[:1])
        one = torch.tensor([1])
        pi = log_probabilities(network.head(state), network.vectors(), one)
        beta = learner.behaviour(state, one, None)
    return math.exp(pi.item()), math.exp(beta.item())


def test_weights_find_the_better_item_where_the_log_is_biased() -> None:
    without, beta = learnt(0.0)
    # Without weights the policy imitates: 0.2 * 2 against 0.8 * 1.
    assert without == pytest.approx(1 / 3, abs=0.05)
    assert beta == pytest.approx(0.2, abs=0.03)
    corrected, _ = learnt(10.0)
    assert corrected > 0.5
