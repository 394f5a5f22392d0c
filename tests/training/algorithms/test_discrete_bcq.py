"""Discrete BCQ in the decision process of two items, against value iteration."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from inference.network.network import Network
from tests.training.algorithms.two_items import CPU, GOOD, JUNK, SIZES, log, values
from training.algorithms.discrete_bcq import DiscreteBcq
from training.algorithms.options import DiscreteBcqOptions
from training.datasets.batches import Batch, shuffled
from training.datasets.coming_lists import with_coming


@pytest.mark.parametrize("gamma", [0.0, 0.9])
def test_it_plans_with_gamma_alone(gamma: float) -> None:
    torch.manual_seed(0)
    network = Network("reinforce", replace(SIZES, neighbours=2))
    options = DiscreteBcqOptions(tau=0.05, neighbours=2, gamma=gamma, learning_rate=5e-3)
    learner = DiscreteBcq(network, options)
    before = {name: weight.clone() for name, weight in network.state_dict().items()}
    lists, rng = with_coming(log(), gamma), np.random.default_rng(0)
    for _ in range(25):
        for batch in shuffled(lists, 256, rng, CPU):
            learner.update(batch)
    rows = np.array([np.argmax(lists.histories[:, 0] == state) for state in (JUNK, GOOD)])
    states = Batch.of(lists.take(rows), CPU)
    with torch.no_grad():
        state = network.encoder(states.histories, states.lengths, states.users)
        actions = torch.nn.functional.normalize(network.vectors()[:-1], dim=1)
        found = learner.critic(state[:, None].expand(-1, 2, -1), actions.expand(2, -1, -1))
        # The ranking of a validation, and of the job, is the critic's.
        scores = torch.cat([torch.zeros(2, 2), torch.full((2, 1), -torch.inf)], dim=1)
        scores[:, JUNK] = 1.0
        order = network.reordered(state, scores)[:, :2].argmax(dim=1)
    exact = values(gamma)
    if not gamma:  # Values of a far horizon would take many more steps than their order.
        assert found.numpy() == pytest.approx(exact, abs=0.25)
    assert order.tolist() == found.argmax(dim=1).tolist()
    best = exact.argmax(axis=1)
    assert (best[GOOD], order[GOOD].item()) == ((GOOD,) * 2 if gamma else (JUNK,) * 2)
    # All but the critic stays as it was.
    for name, weight in network.state_dict().items():
        assert torch.equal(weight, before[name]) == (not name.startswith("critic."))


def test_of_the_likely_items_alone_the_next_value_is_taken() -> None:
    torch.manual_seed(0)
    network = Network("reinforce", replace(SIZES, neighbours=1))
    with torch.no_grad():
        network.bias.copy_(torch.tensor([0.0, 9.0, 0.0]))
    learner = DiscreteBcq(network, DiscreteBcqOptions(neighbours=1))
    state = torch.randn(4, SIZES.state)
    histories, lengths = torch.zeros(4, 1, dtype=torch.int64), torch.ones(4, dtype=torch.int64)
    assert learner._likely(state, histories, lengths).tolist() == [[GOOD]] * 4
