"""BCQ's terms by hand, and that its generator makes the items of the log."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from inference.network.heads import GeneratorHead
from inference.network.network import Network
from inference.network.sizes import Sizes
from tests.training.algorithms.test_ddpg import batch
from training.algorithms.bcq import Bcq, begin_as, divergence, soft_minimum
from training.algorithms.options import BcqOptions
from training.algorithms.softmax import ItemSampler


def test_soft_minimum_by_hand() -> None:
    got = soft_minimum(torch.tensor([1.0, 4.0]), torch.tensor([2.0, 0.0]), 0.75)
    assert got.tolist() == pytest.approx([1.25, 1.0])


def test_divergence_by_hand() -> None:
    # KL(N(1, 1) | N(0, 1)) = 1/2; KL(N(0, 2) | N(0, 1)) = (4 - 1) / 2 - ln 2.
    got = divergence(torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, math.log(2.0)]]))
    assert got[0].tolist() == pytest.approx([0.5, 1.5 - math.log(2.0)])


def test_a_perturbation_is_bounded() -> None:
    head = GeneratorHead(Sizes(items=6, users=1, item_dim=4, user_dim=2), phi=0.05)
    action = torch.randn(30, 5)
    moved = head.perturb(torch.randn(30, 6) * 100, action) - action
    assert moved.abs().max() <= 0.05 + 1e-6


def test_a_generator_begins_as_the_actor_before_it() -> None:
    torch.manual_seed(0)
    sizes = Sizes(items=40, users=1, item_dim=4, user_dim=2, hidden=16)
    actor, generator = Network("ddpg", sizes), GeneratorHead(sizes)
    begin_as(generator, actor.head)
    state = torch.randn(30, 6)
    with torch.no_grad():
        wanted, made = actor.head(state), generator(state)
    # But for what z, which is small, may say.
    assert torch.nn.functional.cosine_similarity(wanted, made).mean() > 0.9


def test_of_a_list_the_generator_learns_what_was_taken() -> None:
    torch.manual_seed(0)
    network = Network("bcq", Sizes(items=6, users=1, item_dim=4, user_dim=2, hidden=16))
    steps = batch()
    shown = torch.tensor([[2, 4, 6]]).expand(len(steps.users), 3)
    earned = torch.tensor([[0.0, 1.0, 0.0]]).expand(len(steps.users), 3)
    lists = replace(steps, actions=shown, rewards=earned, last=torch.ones_like(steps.last))
    learner = Bcq(
        network,
        ItemSampler(np.arange(6), 6, 0, torch.device("cpu")),
        BcqOptions(learning_rate=0.01),
    )
    losses = [learner.update(lists)["critic"].item() for _ in range(100)]
    # Item 6 is the unknown one, and no place of a list: the critics know 0 and 1 alone.
    assert losses[-1] < 0.05
    with torch.no_grad():
        queries = network(lists.histories, lists.lengths, lists.users)
        assert ((queries @ network.vectors()[:-1].T).argmax(dim=1) == 4).float().mean() > 0.9


def test_the_generator_learns_the_logged_item() -> None:
    torch.manual_seed(0)
    network = Network("bcq", Sizes(items=6, users=1, item_dim=4, user_dim=2, hidden=16))
    before = {name: value.clone() for name, value in network.state_dict().items()}
    steps = batch()
    steps.actions.fill_(3)
    sampler = ItemSampler(np.arange(6), 6, 0, torch.device("cpu"))
    learner = Bcq(network, sampler, BcqOptions(learning_rate=0.01))
    losses = [learner.update(steps)["vae"].item() for _ in range(200)]
    assert losses[-1] < 0.3 < losses[0]
    with torch.no_grad():
        queries = network(steps.histories, steps.lengths, steps.users)
        assert ((queries @ network.vectors()[:-1].T).argmax(dim=1) == 3).float().mean() > 0.9
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name]) or name.startswith("head.")
