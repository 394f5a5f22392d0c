"""A model of the reward of each item shown: the direct method, with no later lists.

The reward of item a in a list that is shown in state s has the expectation

    E[r | s, a] = exp(q(s) . v_a + b(s))

with the query and the items' vectors of the policy's network, so that the policy's order is the
order of the expected rewards. b(s), a perceptron on the state, changes no order: the scores of
supervised pretraining are known up to a number a state. The loss is the Poisson likelihood

    L = mean f(x) - r x,   x = q(s) . v_a + b(s),   f = exp, continued by its tangent from 3 on,

which is consistent for any reward of this expectation (Gourieroux, Monfort and Trognon, "Pseudo
maximum likelihood methods: applications to Poisson models", Econometrica 52, 1984). All lists
count with the same weight. What was shown for sure teaches as well as what was drawn, as long as
the model fits; what was never shown keeps the score of the start.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from inference.network.heads import perceptron
from inference.network.network import Network
from rivulet.errors import UserError
from training.algorithms.averaging import update_average
from training.algorithms.learner import Learner, mean_of, rows_of
from training.algorithms.options import RewardsOptions
from training.algorithms.registry import Algorithm
from training.algorithms.softmax import ItemSampler
from training.datasets.batches import Batch, Steps
from training.datasets.lists import ShownLists
from training.trainer.config import TrainConfig

LARGEST = 3.0
"""Exponent of the largest expected reward that is not cut."""


def expected_rewards(exponent: Tensor) -> Tensor:
    """exp(x), and for x above LARGEST its tangent there, so that no gradient is 0 or too large."""
    return exponent.clamp_max(LARGEST).exp() * (1 + (exponent - LARGEST).clamp_min(0))


class Rewards:
    """Learns the expected rewards of items.

    Args:
        network: to train in place.
        learning_rate: of AdamW.
        weight_decay: of all weights, decoupled.
    """

    def __init__(self, network: Network, learning_rate: float, weight_decay: float) -> None:
        self.network = network
        self.result = copy.deepcopy(network)
        self.offset = perceptron(network.sizes.state, network.sizes.hidden, 1)
        self.offset.to(network.bias.device)
        weights = [*network.parameters(), *self.offset.parameters()]
        trained = [weight for weight in weights if weight.requires_grad]
        self._optimizer = torch.optim.AdamW(trained, learning_rate, weight_decay=weight_decay)

    def update(self, batch: Batch) -> dict[str, Tensor]:
        """Takes one step; the loss before it."""
        network = self.network
        state = network.encoder(batch.histories, batch.lengths, batch.users)
        query, vectors = network.head(state), rows_of(network.vectors(), batch.actions)
        scores = torch.einsum("nd,nkd->nk", query, vectors)
        real = batch.actions < network.sizes.items
        if not self._optimizer.state:
            self._begin(scores.detach(), batch.rewards, real)
        exponent = scores + self.offset(state)
        loss = mean_of(real, expected_rewards(exponent) - batch.rewards * exponent)
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimizer.step()
        steps = int(next(iter(self._optimizer.state.values()))["step"])
        update_average(self.result, network, steps)
        return {"rewards": loss.detach()}

    def _begin(self, scores: Tensor, rewards: Tensor, real: Tensor) -> None:
        """Makes the first expectations as large as the rewards are on average."""
        last: nn.Linear = self.offset[-1]  # type: ignore[assignment]
        expected = mean_of(real, (scores - scores.max()).exp()).log() + scores.max()
        with torch.no_grad():
            last.weight.zero_()
            last.bias.fill_(float(mean_of(real, rewards).clamp_min(1e-3).log() - expected))

    def stateful(self) -> dict[str, nn.Module | Optimizer]:
        """The network, its average, the offset and the optimizer."""
        return {
            "network": self.network,
            "average": self.result,
            "offset": self.offset,
            "optimizer": self._optimizer,
        }


class NoListsError(UserError):
    """There are no lists to learn from."""


def make(network: Network, sampler: ItemSampler, config: TrainConfig, steps: Steps) -> Learner:
    """The learner for some lists.

    Raises:
        NoListsError: the steps are what users did, without what they did not.
    """
    del sampler
    if not isinstance(steps, ShownLists):
        raise NoListsError("rewards learns from recommended lists: prepare a feedback log")
    return Rewards(
        network, config.learning_rate or config.options.learning_rate, config.weight_decay
    )


ALGORITHM = Algorithm("rewards", RewardsOptions, "reinforce", make)
