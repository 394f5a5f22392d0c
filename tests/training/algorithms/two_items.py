"""A small decision process, whose answer value iteration knows.

A state is the item that the user took last: `junk` or `good`. A list shows one of the two. Junk
earns 2 and good 1; whoever took junk last takes anything with a probability of 0.2 alone, whoever
took good last with 0.9. The log shows both alike.
"""

import numpy as np
import torch

from inference.network.sizes import Sizes
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
