"""Supervised pretraining: the next item by cross-entropy, as in SASRec and GRU4Rec.

    L = -mean log softmax_a(q(s) . v_a)

over the items a with a reward above 0: of what users did these are all items, of recommended lists
the items that were rewarded.

The result is the average of the last weights (`training.algorithms.averaging`). It gives every
algorithm its state encoder and its items' vectors.
"""

from __future__ import annotations

import copy

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from inference.network.network import Network
from training.algorithms.averaging import update_average
from training.algorithms.learner import mean_of
from training.algorithms.softmax import ItemSampler, log_probabilities
from training.datasets.batches import Batch
from training.datasets.repeats import set_repeats
from training.datasets.transitions import Transitions


def start_from_counts(network: Network, steps: Transitions) -> None:
    """Initialises a network from counts, so that training starts from the popularity ranking.

    The items' biases become the log of their numbers of actions, less the mean, and their vectors
    small. The weights of repeats are counted (`training.datasets.repeats`).

    Args:
        network: about to be trained.
        steps: training data, by user and in their order.
    """
    items = network.sizes.items
    counts = np.bincount(steps.actions, minlength=items + 1)[: items + 1] + 1.0
    bias = torch.from_numpy(np.log(counts)).float()
    network.bias.data.copy_(bias - bias[:-1].mean())
    network.encoder.items.weight.data.mul_(0.1)
    set_repeats(network, steps, counts[:-1] / counts[:-1].sum())


class Supervised:
    """Learns a network's encoder, head and items' vectors from the next items.

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
        self.result = copy.deepcopy(network)
        self._sampler = sampler
        trained = [weight for weight in network.parameters() if weight.requires_grad]
        self._optimizer = torch.optim.AdamW(trained, learning_rate, weight_decay=weight_decay)

    def update(self, batch: Batch) -> dict[str, Tensor]:
        """Takes one step; the loss before it."""
        network = self.network
        queries = network(batch.histories, batch.lengths, batch.users)
        repeats = network.repeat_scores(batch.histories, batch.lengths)
        chosen = log_probabilities(
            queries, network.vectors(), batch.actions, self._sampler.draw(), repeats
        )
        taken = (batch.rewards > 0) & (batch.actions < network.sizes.items)
        loss = -mean_of(taken, chosen)
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimizer.step()
        # The optimizer's step count is kept in checkpoints.
        update_average(
            self.result, network, int(next(iter(self._optimizer.state.values()))["step"])
        )
        return {"cross_entropy": loss.detach()}

    def stateful(self) -> dict[str, nn.Module | Optimizer]:
        """The network, its average and the optimizer."""
        return {"network": self.network, "average": self.result, "optimizer": self._optimizer}
