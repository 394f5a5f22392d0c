"""Credit for coming lists in a small decision process, whose answer value iteration knows.

A state is the item that the user took last: `junk` or `good`. A list shows one of the two. Junk
earns 2 and good 1; whoever took junk last takes anything with a probability of 0.2 alone, whoever
took good last with 0.9. The log shows both alike.
"""

import numpy as np
import pytest
import torch

from inference.network.network import Network
from inference.network.sizes import Sizes
from training.algorithms.options import ReinforceOptions
from training.algorithms.reinforce import Reinforce
from training.algorithms.slate_credit import with_credit
from training.algorithms.softmax import ItemSampler
from training.datasets.batches import Batch, shuffled
from training.datasets.coming_lists import with_coming
from training.datasets.lists import ShownLists

JUNK, GOOD = 0, 1
EARNED = np.array([2.0, 1.0])
TAKEN = np.array([0.2, 0.9])
USERS, LISTS = 60, 100
SIZES = Sizes(items=2, users=USERS, item_dim=4, user_dim=1, window=1, hidden=8, repeats=False)
CPU = torch.device("cpu")


def values(gamma: float, policy: np.ndarray | None = None) -> np.ndarray:
    """Q(state, item) of the best policy, or of one that shows items with probabilities [2]."""
    q = np.zeros((2, 2))
    for _ in range(2_000):
        worth = q.max(axis=1) if policy is None else q @ policy
        q = (
            TAKEN[:, None] * (EARNED + gamma * worth)
            + (1 - TAKEN[:, None]) * gamma * worth[:, None]
        )
    return q


def log() -> ShownLists:
    rng = np.random.default_rng(3)
    state, rows = np.full(USERS, GOOD), []
    for time in range(LISTS):
        shown = rng.integers(0, 2, USERS)
        took = rng.random(USERS) < TAKEN[state]
        rows.append((state, np.arange(USERS), shown, took * EARNED[shown], np.full(USERS, time)))
        state = np.where(took, shown, state)
    states, users, shown, rewards, times = (
        np.concatenate(each) for each in zip(*rows, strict=True)
    )
    return ShownLists.of(
        histories=states[:, None],
        lengths=np.ones(len(states), np.int64),
        users=users,
        items=shown[:, None],
        rewards=rewards[:, None].astype(np.float32),
        propensities=np.full((len(states), 1), 0.5, np.float32),
        times=times,
    )


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
