"""Supervised pretraining: the next item by cross-entropy, as SASRec and GRU4Rec learn it.

    L = -mean log softmax_a(q(s) . v_a)

It gives every algorithm its state encoder and its items' vectors, and is the baseline that
policies must beat where the reward is not the next click.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from inference.network import Network
from training.batches import Batch
from training.softmax import ItemSampler, log_probabilities


class Supervised:
    """Learns a network's encoder, head and items' vectors from what came next.

    Args:
        network: to train in place.
        sampler: of the softmax.
        learning_rate: of Adam.
        weight_decay: of all weights, decoupled.
    """

    def __init__(
        self,
        network: Network,
        sampler: ItemSampler,
        learning_rate: float = 1e-3,
        weight_decay: float = 0.0,
    ) -> None:
        self.network = network
        self._sampler = sampler
        trained = [weight for weight in network.parameters() if weight.requires_grad]
        self._optimizer = torch.optim.AdamW(trained, learning_rate, weight_decay=weight_decay)

    def update(self, batch: Batch) -> dict[str, Tensor]:
        """One step; the loss before it."""
        queries = self.network(batch.histories, batch.lengths, batch.users)
        chosen = log_probabilities(
            queries, self.network.vectors(), batch.actions, self._sampler.draw()
        )
        loss = -chosen.mean()
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimizer.step()
        return {"cross_entropy": loss.detach()}

    def parts(self) -> dict[str, nn.Module | Optimizer]:
        """The network and the optimizer."""
        return {"network": self.network, "optimizer": self._optimizer}
