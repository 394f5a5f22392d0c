"""From how many events on a policy ranks better than popular items.

Each held-out step is asked again with the last 1, 2 .. events of its history alone, and as if its
user were unknown: users with short histories are new. The shortest history is the first length at
which the policy's NDCG@10 of the next item exceeds that of the popular items of the training data,
with the 95% interval of the mean paired difference above 0.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from training.datasets.transitions import Transitions
from training.trainer.validation import Scorer, next_item_gains

ROWS = 2_000
"""Steps to measure on, at most."""
LEAST = 30
"""Steps to measure on, at least."""


class Popular:
    """Ranks by the number of actions.

    Args:
        steps: what users did.
        items: number of items.
        device: where it runs.
    """

    training = False

    def __init__(self, steps: Transitions, items: int, device: torch.device) -> None:
        counts = np.bincount(steps.actions, minlength=items + 1)[: items + 1]
        self._vectors = torch.from_numpy(counts.astype(np.float32))[:, None].to(device)

    def __call__(self, histories: Tensor, lengths: Tensor, users: Tensor, /) -> Tensor:
        """The same query for all rows, [n, 1]."""
        return torch.ones((len(users), 1), device=self._vectors.device)

    def vectors(self) -> Tensor:
        """The numbers of actions [items + 1, 1]."""
        return self._vectors

    def repeat_scores(self, items: Tensor, lengths: Tensor, /) -> None:
        """None."""

    def eval(self) -> object:
        """Does nothing."""
        return self

    def train(self, mode: bool = True) -> object:
        """Does nothing."""
        return self


def shortest_history(
    network: Scorer,
    train: Transitions,
    valid: Transitions,
    unknown_item: int,
    unknown_user: int,
    device: torch.device,
) -> int | None:
    """The shortest history from which the network beats popular items; None where none does.

    Args:
        network: trained on `train` alone.
        train: steps that say what is popular.
        valid: held-out steps.
        unknown_item: row of the item table that pads a history.
        unknown_user: row of the user table for unknown users.
        device: where the network is.
    """
    width = valid.histories.shape[1]
    if len(valid) < LEAST:
        return None
    sample = np.random.default_rng(0).permutation(len(valid))[:ROWS]
    valid = valid.take(np.sort(sample))
    popular = Popular(train, unknown_item, device)
    for length in range(1, width + 1):
        steps = last_events(valid, length, unknown_item, unknown_user)
        if len(steps) < LEAST:
            return None
        gain = next_item_gains(network, steps, device) - next_item_gains(popular, steps, device)
        if gain.mean() > 1.96 * gain.std(ddof=1) / len(gain) ** 0.5:
            return length
    return None


def last_events(
    steps: Transitions, length: int, unknown_item: int, unknown_user: int
) -> Transitions:
    """The steps with at least `length` events before them, with the last ones alone.

    Args:
        steps: left-aligned histories.
        length: events to keep.
        unknown_item: pads a history.
        unknown_user: the user of all steps.
    """
    steps = steps.take(steps.lengths >= length)
    width = steps.histories.shape[1]
    at = np.minimum(steps.lengths[:, None] - length + np.arange(width), width - 1)
    histories = np.take_along_axis(steps.histories, at, axis=1)
    histories[:, length:] = unknown_item
    return replace(
        steps,
        histories=histories,
        lengths=np.full(len(steps), length),
        users=np.full(len(steps), unknown_user),
    )
