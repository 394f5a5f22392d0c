"""An algorithm of a user's own: cross-entropy of the actions, weighted by their returns.

The example of the documentation on adding an algorithm. A package of one's own holds such a file
and names `ALGORITHM` in an entry point of the group `rivulet.algorithms`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from inference.network.network import Network
from rivulet.settings import option
from training.algorithms.learner import Learner, mean_of
from training.algorithms.registry import Algorithm
from training.algorithms.softmax import ItemSampler, log_probabilities
from training.datasets.batches import Batch, Steps
from training.trainer.config import TrainConfig


@dataclass(frozen=True)
class ReturnWeightedOptions:
    """Return-weighted cross-entropy.

    Attributes:
        power: power of the return in an action's weight; 0 weighs all actions equally.
    """

    power: float = option(1.0, "POWER", least=0)


class ReturnWeighted:
    """Learns a softmax policy by L = -mean R^power log pi(a|s)."""

    def __init__(self, network: Network, sampler: ItemSampler, power: float, rate: float) -> None:
        self.network = self.result = network
        self._sampler, self._power = sampler, power
        self._optimizer = torch.optim.Adam(network.parameters(), rate)

    def update(self, batch: Batch) -> dict[str, Tensor]:
        """Takes one step; the loss before it."""
        network = self.network
        queries = network(batch.histories, batch.lengths, batch.users)
        repeats = network.repeat_scores(batch.histories, batch.lengths)
        log_pi = log_probabilities(
            queries, network.vectors(), batch.actions, self._sampler.draw(), repeats
        )
        real = (batch.actions < network.sizes.items) & (batch.returns > 0)
        loss = -mean_of(real, batch.returns.clamp_min(0) ** self._power * log_pi)
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimizer.step()
        return {"cross_entropy": loss.detach()}

    def stateful(self) -> dict[str, nn.Module | Optimizer]:
        """What a checkpoint keeps."""
        return {"network": self.network, "optimizer": self._optimizer}


def make(network: Network, sampler: ItemSampler, config: TrainConfig, steps: Steps) -> Learner:
    """The learner for some steps or lists."""
    options: ReturnWeightedOptions = config.options
    return ReturnWeighted(network, sampler, options.power, config.learning_rate or 1e-3)


# The policy is a softmax over the items, as REINFORCE's, and is served under the same head.
ALGORITHM = Algorithm("return-weighted", ReturnWeightedOptions, "reinforce", make)
