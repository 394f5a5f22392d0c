"""Credit for coming lists in the decision process of two items."""

import numpy as np
import pytest
import torch

from inference.network.network import Network
from tests.training.algorithms.two_items import CPU, GOOD, JUNK, SIZES, log, values
from training.algorithms.options import ReinforceOptions
from training.algorithms.reinforce import Reinforce
from training.algorithms.slate_credit import with_credit
from training.algorithms.softmax import ItemSampler
from training.datasets.batches import Batch, shuffled
from training.datasets.coming_lists import with_coming


def test_the_credit_is_what_an_item_adds_to_the_value_of_what_comes() -> None:
    lists, none = with_coming(log(), 0.9), log().take(slice(0))
    found, _ = with_credit((lists, none), SIZES, 0, CPU)
    worth = values(0.9, np.array([0.5, 0.5])) @ [0.5, 0.5]
    for state in (JUNK, GOOD):
        for item in (JUNK, GOOD):
            rows = (lists.histories[:, 0] == state) & (lists.items[:, 0] == item)
            taken = rows & (lists.rewards[:, 0] > 0)
            assert not found.credit[rows & ~taken].any()
            exact = 0.9 * (worth[item] - worth[state])
            assert found.credit[taken].mean() == pytest.approx(exact, abs=0.45)


@pytest.mark.parametrize("gamma", [0.0, 0.9])
def test_a_policy_plans_with_gamma_and_does_not_without(gamma: float) -> None:
    lists, none = with_coming(log(), gamma), log().take(slice(0))
    lists, _ = with_credit((lists, none), SIZES, 0, CPU)
    torch.manual_seed(0)
    network = Network("reinforce", SIZES)
    sampler = ItemSampler(lists.items[:, 0], 2, 0, CPU)
    learner = Reinforce(network, sampler, ReinforceOptions(top_k=1, learning_rate=0.02))
    rng = np.random.default_rng(0)
    for _ in range(6):
        for batch in shuffled(lists, 256, rng, CPU):
            learner.update(batch)
    states = Batch.of(
        lists.take(np.array([np.argmax(lists.histories[:, 0] == s) for s in (0, 1)])), CPU
    )
    with torch.no_grad():
        query = network.eval()(states.histories, states.lengths, states.users)
        best = (query @ network.vectors()[:-1].T).argmax(dim=1)
    assert best.tolist() == values(gamma).argmax(axis=1).tolist()
    # The answers differ: junk always, and good always.
    assert best.tolist() == [GOOD if gamma else JUNK] * 2


def test_lists_after_which_nothing_counts_stay_as_they_are() -> None:
    lists = log()
    found, _ = with_credit((lists, lists), SIZES, 0, CPU)
    assert found is lists
