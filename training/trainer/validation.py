"""Validation metrics of a network in training.

On what users did: NDCG@10 of the next item over the whole catalogue. On recommended lists: the
reward that the network's own lists would have earned, by capped inverse propensities. With L(s)
the network's first k items in the state s,

    V = mean over the lists of the sum over a in the list and in L(s) of r(a) min(1 / p(a), c)

Where gamma discounts the rewards of coming lists (`training.datasets.coming_lists`), r(a) is the
reward and the credit for coming ones, less the mean credit of all places, which would only add
noise. Without the cap V is unbiased if p is the probability with which a was recommended. In a log
without exploration, where every p is 1, V is the share of the logged rewards that the network's
lists retain.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from inference.network.network import Network
from inference.network.repeats import RepeatScores
from training.datasets.batches import Batch, Steps
from training.datasets.lists import ShownLists
from training.datasets.transitions import Transitions

CUT = 10
NDCG, REWARD, RETURN = f"ndcg@{CUT}", "reward", "return"
WEIGHT_CAP = 50.0
VALIDATION_ROWS = 10_000
"""Steps to validate on, at most."""
_SCORES_PER_BLOCK = 1 << 22


class Scorer(Protocol):
    """A network that scores items by inner products, as `inference.network` does."""

    training: bool

    def __call__(self, histories: Tensor, lengths: Tensor, users: Tensor, /) -> Tensor:
        """Queries [n, d] of rows as `StateEncoder.forward` takes them."""

    def vectors(self) -> Tensor:
        """The items' vectors [items + 1, d], the unknown item's last."""

    def repeat_scores(self, items: Tensor, lengths: Tensor, /) -> RepeatScores | None:
        """Bonuses of the rows' own items; None for none."""

    def eval(self) -> object:
        """Turns dropout off."""

    def train(self, mode: bool = True) -> object:
        """Turns dropout on."""


Validate = Callable[[Scorer], dict[str, float]]
"""Measures a network; the first metric decides which epoch is the best."""


def validation(events: Transitions, lists: ShownLists | None, device: torch.device) -> Validate:
    """The metrics on lists, where there are any, and on events, where there are any."""

    def measure(network: Scorer) -> dict[str, float]:
        values = {}
        if lists is not None and len(lists):
            if lists.future.any():
                values[RETURN] = off_policy_reward(network, lists, device, planned=True)
            values[REWARD] = off_policy_reward(network, lists, device)
        if len(events):
            values[NDCG] = next_item_ndcg(network, events, device)
        return values

    return measure


def next_item_ndcg(network: Scorer, steps: Transitions, device: torch.device) -> float:
    """Mean of `next_item_gains`."""
    gains = next_item_gains(network, steps, device)
    return float(gains.mean()) if len(gains) else 0.0


@torch.no_grad()
def next_item_gains(
    network: Scorer, steps: Transitions, device: torch.device
) -> npt.NDArray[np.float32]:
    """1 / log2(1 + rank) where the next item is among the first 10, else 0; float32 [n].

    Items of the history are not ranked, except the next item itself. All gains are 0 if a score is
    not finite.
    """
    gains = [np.empty(0, np.float32)]
    for batch, scores in _scored(network, steps, device):
        if not torch.isfinite(scores).all():
            return np.zeros(len(steps), np.float32)
        own = scores.gather(1, batch.actions)
        scores.scatter_(1, batch.histories, -torch.inf)
        scores[:, -1] = -torch.inf
        # Ties count half, so that constant scores do not look perfect.
        better = (scores > own).sum(dim=1) + 0.5 * (scores == own).sum(dim=1).sub(1).clamp_min(0)
        gains.append(torch.where(better < CUT, 1 / torch.log2(better + 2), 0.0).cpu().numpy())
    return np.concatenate(gains)


@torch.no_grad()
def off_policy_reward(
    network: Scorer,
    lists: ShownLists,
    device: torch.device,
    cap: float = WEIGHT_CAP,
    planned: bool = False,
) -> float:
    """V of the module's docstring, for lists as long as the longest in the log.

    Items of the history are not ranked. A network whose scores are not finite is the worst.

    Args:
        network: ranks.
        lists: what was shown.
        device: where the network is.
        cap: c, the largest weight.
        planned: whether r(a) has the credit for coming lists.
    """
    total = 0.0
    common = float(lists.credit.mean()) if planned else 0.0
    for batch, scores in _scored(network, lists, device):
        if not torch.isfinite(scores).all():
            return -np.inf if planned else 0.0
        scores.scatter_(1, batch.histories, -torch.inf)
        scores[:, -1] = -torch.inf
        best = scores.topk(min(batch.actions.shape[1], scores.shape[1] - 1), dim=1).indices
        in_both = (batch.actions[:, :, None] == best[:, None]).any(dim=2)
        # An unknown propensity counts as 1, the smallest weight.
        known = torch.where(batch.propensities > 0, batch.propensities, 1.0)
        gains = batch.returns - common if planned else batch.rewards
        total += float((in_both * gains * (1 / known).clamp_max(cap)).sum())
    return total / max(1, len(lists))


def _scored(network: Scorer, steps: Steps, device: torch.device) -> Iterator[tuple[Batch, Tensor]]:
    """Batches with the scores of all items, [n, items + 1]."""
    was_training = network.training
    network.eval()
    vectors = network.vectors()
    rows = max(1, min(1024, _SCORES_PER_BLOCK // len(vectors)))
    try:
        for start in range(0, len(steps), rows):
            batch = Batch.of(steps.take(slice(start, start + rows)), device)
            scores = network(batch.histories, batch.lengths, batch.users) @ vectors.T
            repeats = network.repeat_scores(batch.histories, batch.lengths)
            if repeats is not None:
                scores = scores.scatter_add(1, *repeats)
            if isinstance(network, Network) and network.critic is not None:
                state = network.encoder(batch.histories, batch.lengths, batch.users)
                scores.scatter_(1, batch.histories, -torch.inf)
                scores[:, -1] = -torch.inf
                scores = network.reordered(state, scores)
            yield batch, scores
    finally:
        network.train(was_training)
