"""How well a network in training tells the next item: NDCG@10 over the whole catalogue."""

from __future__ import annotations

import numpy as np
import torch

from inference.network import Network
from training.batches import Batch
from training.data import Transitions

CUT = 10
_SCORES_PER_BLOCK = 1 << 22


@torch.no_grad()
def next_item_ndcg(network: Network, steps: Transitions, device: torch.device) -> float:
    """Mean of 1 / log2(1 + rank) where the next item is among the first 10, else 0.

    Items of the history are not ranked, except the next item itself.
    """
    if not len(steps):
        return 0.0
    was_training = network.training
    network.eval()
    vectors = network.vectors()
    gains = []
    rows = max(1, min(1024, _SCORES_PER_BLOCK // len(vectors)))
    for start in range(0, len(steps), rows):
        batch = Batch.of(steps.take(slice(start, start + rows)), device)
        scores = network(batch.histories, batch.lengths, batch.users) @ vectors.T
        own = scores.gather(1, batch.actions[:, None])
        scores.scatter_(1, batch.histories, -torch.inf)
        scores[:, -1] = -torch.inf
        # Ties count half: a network that scores all alike shall not look perfect.
        better = (scores > own).sum(dim=1) + 0.5 * (scores == own).sum(dim=1).sub(1).clamp_min(0)
        gains.append(torch.where(better < CUT, 1 / torch.log2(better + 2), 0.0).cpu().numpy())
    network.train(was_training)
    return float(np.concatenate(gains).mean())
