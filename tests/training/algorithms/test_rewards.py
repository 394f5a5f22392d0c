"""The model of rewards: its loss, its start, and that it learns which items earn more."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from inference.network.network import Network
from inference.network.sizes import Sizes
from tests.training.small import sequences_of
from training.algorithms.options import RewardsOptions
from training.algorithms.rewards import ALGORITHM, LARGEST, NoListsError, Rewards, expected_rewards
from training.algorithms.softmax import ItemSampler
from training.datasets.batches import Batch
from training.datasets.lists import ShownLists
from training.datasets.sequences import TRAIN
from training.trainer.config import TrainConfig

ITEMS = 6
SIZES = Sizes(items=ITEMS, users=2, item_dim=8, user_dim=2)


def lists_of(seed: int, n: int) -> ShownLists:
    """Lists of 3 of the items, shorter ones too, with Poisson rewards of the items' means."""
    random = np.random.default_rng(seed)
    shown = np.argsort(random.random((n, ITEMS)), axis=1)[:, :3]
    mean = np.linspace(0.1, 1.1, ITEMS)
    rewards = random.poisson(mean[shown]).astype(np.float32)
    shown[: n // 4, 2], rewards[: n // 4, 2] = ITEMS, 0
    history = random.integers(ITEMS, size=(n, 2))
    return ShownLists.of(
        history, np.full(n, 2), random.integers(2, size=n), shown, rewards,
        np.full(shown.shape, 0.5, np.float32),
    )  # fmt: skip


def test_the_loss_is_that_of_plain_loops_and_begins_at_the_mean_reward() -> None:
    torch.manual_seed(0)
    network = Network("reinforce", SIZES).eval()
    batch = Batch.of(lists_of(0, 40), torch.device("cpu"))
    with torch.no_grad():
        query = network(batch.histories, batch.lengths, batch.users)
        scores = (query[:, None] * network.vectors()[batch.actions]).sum(dim=2)
    real = [
        (row, place) for row in range(40) for place in range(3) if batch.actions[row, place] < ITEMS
    ]
    mean = sum(float(batch.rewards[at]) for at in real) / len(real)
    start = math.log(mean / (sum(math.exp(float(scores[at])) for at in real) / len(real)))
    terms = []
    for at in real:
        exponent = float(scores[at]) + start
        assert exponent < LARGEST
        terms.append(math.exp(exponent) - float(batch.rewards[at]) * exponent)
    learner = Rewards(network, 1e-3, 0.0)
    loss = learner.update(batch)["rewards"]
    assert float(loss) == pytest.approx(sum(terms) / len(terms), rel=1e-5)
    # The start is of the first step alone.
    assert float(learner.update(batch)["rewards"]) < float(loss)


def test_large_rewards_are_the_tangent() -> None:
    exponent = torch.tensor([-1.0, LARGEST, LARGEST + 2], requires_grad=True)
    found = expected_rewards(exponent)
    height = math.exp(LARGEST)
    assert found.tolist() == pytest.approx([math.exp(-1), height, 3 * height])
    found.sum().backward()
    assert exponent.grad is not None
    assert exponent.grad[2] == pytest.approx(height)


def test_items_are_ranked_by_what_they_earn() -> None:
    torch.manual_seed(0)
    network = Network("reinforce", SIZES)
    learner = Rewards(network, 1e-2, 0.0)
    lists = lists_of(1, 4_000)
    for start in range(0, 4_000, 100):
        learner.update(Batch.of(lists.take(slice(start, start + 100)), torch.device("cpu")))
    with torch.no_grad():
        query = learner.result.eval()(torch.tensor([[1, 2]]), torch.tensor([2]), torch.tensor([0]))
        scores = (query @ learner.result.vectors()[:-1].T)[0].numpy()
    assert np.argsort(scores)[-2:].tolist() == [4, 5]
    assert np.corrcoef(scores, np.log(np.linspace(0.1, 1.1, ITEMS)))[0, 1] > 0.9


def test_it_needs_lists() -> None:
    config = TrainConfig(algorithm="rewards", options=RewardsOptions())
    network = Network("reinforce", SIZES)
    steps = sequences_of((0, item, item) for item in range(8)).transitions(TRAIN)
    sampler = ItemSampler(np.zeros(1, np.int64), ITEMS, 0, torch.device("cpu"))
    with pytest.raises(NoListsError, match="prepare a feedback log"):
        ALGORITHM.make(network, sampler, config, steps)
    assert isinstance(ALGORITHM.make(network, sampler, config, lists_of(0, 4)), Rewards)
