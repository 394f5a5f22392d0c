"""Two towers: the loss by hand and in expectation, and that side features count."""

import math

import numpy as np
import pytest
import torch

from training.algorithms.two_towers import Tower, sampled_softmax_loss
from training.datasets.side_features import SideFeatures


def test_loss_by_hand():
    # Scores 2 0 / 0 2 at temperature 1/2. One negative a pair: it stands for 1 / Q items.
    log_q = torch.tensor([0.75, 0.25]).log()
    users, items = torch.eye(2), torch.eye(2)
    got = sampled_softmax_loss(users, items, torch.tensor([0, 1]), log_q, 0.5)
    first = math.exp(2) / (math.exp(2) + 1 / 0.25)
    second = math.exp(2) / (math.exp(2) + 1 / 0.75)
    assert float(got) == pytest.approx(-(math.log(first) + math.log(second)) / 2)


def test_an_item_is_no_negative_of_itself():
    rows = torch.tensor([4, 4])
    got = sampled_softmax_loss(torch.eye(2), torch.eye(2), rows, torch.zeros(2), 1.0)
    assert float(got) == 0


def test_log_q_makes_the_batchs_softmax_that_of_all_items():
    # The corrected batch gradient, on average over batches, is the full softmax's: popular and
    # rare items with equal vectors must end with equal scores.
    generator = torch.Generator().manual_seed(0)
    chance = torch.tensor([0.7, 0.2, 0.1])
    scores = torch.zeros(3, requires_grad=True)
    draws = torch.multinomial(chance, 30_000, replacement=True, generator=generator)
    users = torch.ones(len(draws), 1)
    sums = torch.zeros(3)
    for batch in draws.split(500):
        loss = sampled_softmax_loss(
            users[: len(batch)], scores[batch][:, None], batch, chance[batch].log(), 1.0
        )
        sums += torch.autograd.grad(loss, scores)[0]
    # d/ds_j of -log softmax: pi_j - p_j, with pi uniform where all scores are 0.
    assert torch.allclose(sums / 60, 1 / 3 - chance, atol=0.02)


def test_a_tower_uses_the_side_features():
    codes = np.array([[1], [1], [2], [0]])
    tower = Tower(SideFeatures(codes, (3,)), dim=8, dropout=0.0)
    with torch.no_grad():
        tower.ids.weight.zero_()
        vectors = tower(torch.arange(4))
    assert torch.equal(vectors[0], vectors[1])
    assert not torch.allclose(vectors[0], vectors[2])
    assert torch.allclose(vectors.norm(dim=1), torch.ones(4))
