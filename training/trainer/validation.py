"""How good a network in training is on what it has not learnt from.

Of what users did: NDCG@10 of the next item over the whole catalogue. Of lists that were shown, the
reward that the network's own lists would have earned, by capped inverse propensities: with
L(s) its first k items for the state s,

    V = mean over the lists of the sum over a shown and in L(s) of r(a) min(1 / p(a), c)

which without the cap is without bias where p is the chance with which a was shown. Of a log without
exploration, where every p is 1, it is what is left of the rewards that were earned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from inference.network.repeats import RepeatScores
from training.datasets.batches import Batch, Steps
from training.datasets.sequences import Transitions
from training.datasets.shown_lists import ShownLists

CUT = 10
NDCG, REWARD = f"ndcg@{CUT}", "reward"
WEIGHT_CAP = 50.0
_SCORES_PER_BLOCK = 1 << 22


class Scorer(Protocol):
    """A network that scores items by inner products, as `inference.network` does."""

    training: bool

    def __call__(self, histories: Tensor, lengths: Tensor, users: Tensor, /) -> Tensor:
        """Queries [n, d] of rows as `StateEncoder.forward` takes them."""

    def vectors(self) -> Tensor:
        """The items' vectors [items + 1, d], the unknown item's last."""

    def repeat_scores(self, items: Tensor, lengths: Tensor, /) -> RepeatScores | None:
        """What is added to the scores of the rows' own items; None for nothing."""

    def eval(self) -> object:
        """Leaves dropout out."""

    def train(self, mode: bool = True) -> object:
        """Brings dropout back."""


Validate = Callable[[Scorer], dict[str, float]]
"""Measures a network; the first of the values decides which epoch is the best."""


def validation(events: Transitions, lists: ShownLists | None, device: torch.device) -> Validate:
    """What to measure with: on lists where there are any, and on events where there are any."""

    def measure(network: Scorer) -> dict[str, float]:
        values = {}
        if lists is not None and len(lists):
            values[REWARD] = off_policy_reward(network, lists, device)
        if len(events):
            values[NDCG] = next_item_ndcg(network, events, device)
        return values

    return measure


@torch.no_grad()
def next_item_ndcg(network: Scorer, steps: Transitions, device: torch.device) -> float:
    """Mean of 1 / log2(1 + rank) where the next item is among the first 10, else 0.

    Items of the history are not ranked, except the next item itself.
    """
    gains = []
    for batch, scores in _scored(network, steps, device):
        own = scores.gather(1, batch.actions)
        scores.scatter_(1, batch.histories, -torch.inf)
        scores[:, -1] = -torch.inf
        # Ties count half: a network that scores all alike shall not look perfect.
        better = (scores > own).sum(dim=1) + 0.5 * (scores == own).sum(dim=1).sub(1).clamp_min(0)
        gains.append(torch.where(better < CUT, 1 / torch.log2(better + 2), 0.0).cpu().numpy())
    return float(np.concatenate(gains).mean()) if gains else 0.0


@torch.no_grad()
def off_policy_reward(
    network: Scorer, lists: ShownLists, device: torch.device, cap: float = WEIGHT_CAP
) -> float:
    """V of the module's docstring, for lists as long as the longest that was shown.

    Items of the history are not ranked.
    """
    total = 0.0
    for batch, scores in _scored(network, lists, device):
        scores.scatter_(1, batch.histories, -torch.inf)
        scores[:, -1] = -torch.inf
        best = scores.topk(min(batch.actions.shape[1], scores.shape[1] - 1), dim=1).indices
        shown = (batch.actions[:, :, None] == best[:, None]).any(dim=2)
        # A propensity that nobody knows counts as 1: no more than what was earned.
        known = torch.where(batch.propensities > 0, batch.propensities, 1.0)
        total += float((shown * batch.rewards * (1 / known).clamp_max(cap)).sum())
    return total / max(1, len(lists))


def _scored(network: Scorer, steps: Steps, device: torch.device) -> Iterator[tuple[Batch, Tensor]]:
    """Blocks of rows with the scores of all items, [n, items + 1]."""
    was_training = network.training
    network.eval()
    vectors = network.vectors()
    rows = max(1, min(1024, _SCORES_PER_BLOCK // len(vectors)))
    for start in range(0, len(steps), rows):
        batch = Batch.of(steps.take(slice(start, start + rows)), device)
        scores = network(batch.histories, batch.lengths, batch.users) @ vectors.T
        copies = network.repeat_scores(batch.histories, batch.lengths)
        yield batch, scores if copies is None else scores.scatter_add(1, *copies)
    network.train(was_training)
