"""REINFORCE with a top-K off-policy correction (Chen et al., WSDM 2019).

The policy is a softmax over the items, pi(a|s) = softmax_a(q(s) . v_a). The log was made by
another policy beta, so that each step of the policy gradient is weighted by

    w(s, a) = min(pi(a|s) / beta(a|s), c)                                  (the paper's eq. 3, 8)

with beta learnt beside, by a head of its own on the same state with its gradient stopped:
L_beta = -mean log beta(a|s). A list of K items is shown, not one; the chance that a is in it,
alpha = 1 - (1 - pi)^K, has the gradient of pi times

    lambda_K(s, a) = d alpha / d pi = K (1 - pi(a|s))^(K - 1)              (eq. 6)

so that an item that is likely to be in the list already is pushed no further. Together, with
the discounted return R and the factors held constant,

    L_pi = -mean w(s, a) lambda_K(s, a) R log pi(a|s)                      (eq. 7)
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from inference.network import Network
from training.batches import Batch
from training.softmax import ItemSampler, log_probabilities


@dataclass(frozen=True, slots=True)
class ReinforceOptions:
    """How REINFORCE learns.

    Attributes:
        top_k: K, the length of the lists; 1 for no top-K correction.
        cap: c, the largest importance weight; 0 for no weights at all.
        learning_rate: of Adam, for both heads.
        weight_decay: of all weights, decoupled.
    """

    top_k: int = 8
    cap: float = 10.0
    learning_rate: float = 3e-4
    weight_decay: float = 0.0


def importance_weights(log_pi: Tensor, log_beta: Tensor, cap: float) -> Tensor:
    """min(pi / beta, cap) for each row; all 1 where the cap is 0."""
    if cap == 0:
        return torch.ones_like(log_pi)
    return (log_pi - log_beta).exp().clamp_max(cap)


def top_k_multipliers(log_pi: Tensor, k: int) -> Tensor:
    """K (1 - pi)^(K - 1) for each row."""
    return k * (1 - log_pi.exp()).clamp(0, 1) ** (k - 1)


def policy_loss(log_pi: Tensor, log_beta: Tensor, returns: Tensor, k: int, cap: float) -> Tensor:
    """L_pi of the module's docstring.

    Args:
        log_pi: [n], log pi(a|s), through which the gradient flows.
        log_beta: [n], log beta(a|s).
        returns: [n], R.
        k: K.
        cap: c, 0 for no importance weights.
    """
    with torch.no_grad():
        factor = importance_weights(log_pi, log_beta, cap) * top_k_multipliers(log_pi, k)
    return -(factor * returns * log_pi).mean()


class Behaviour(nn.Module):
    """beta(a|s): a softmax over the items with a query and vectors of its own.

    Args:
        network: it starts as this network's policy.
    """

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.head = copy.deepcopy(network.head).requires_grad_(True)
        self.vectors = nn.Parameter(network.vectors().detach().clone())

    def forward(
        self, state: Tensor, actions: Tensor, drawn: tuple[Tensor, Tensor] | None
    ) -> Tensor:
        """Log beta(a|s), [n]; the gradient stops at the state."""
        return log_probabilities(self.head(state.detach()), self.vectors, actions, drawn)


class Reinforce:
    """Learns a network by REINFORCE, and a behaviour head beside it.

    Args:
        network: to train in place.
        sampler: of the softmax over the items.
        options: how to learn.
    """

    def __init__(self, network: Network, sampler: ItemSampler, options: ReinforceOptions) -> None:
        self.network = network
        self.behaviour = Behaviour(network)
        self._sampler = sampler
        self._options = options
        weights = [*network.parameters(), *self.behaviour.parameters()]
        self._optimizer = torch.optim.AdamW(
            [weight for weight in weights if weight.requires_grad],
            options.learning_rate,
            weight_decay=options.weight_decay,
        )

    def update(self, batch: Batch) -> dict[str, Tensor]:
        """One step; the losses before it and the mean importance weight."""
        options, drawn = self._options, self._sampler.draw()
        state = self.network.encoder(batch.histories, batch.lengths, batch.users)
        log_pi = log_probabilities(
            self.network.head(state), self.network.vectors(), batch.actions, drawn
        )
        log_beta = self.behaviour(state, batch.actions, drawn)
        loss_pi = policy_loss(log_pi, log_beta, batch.returns, options.top_k, options.cap)
        loss_beta = -log_beta.mean()
        self._optimizer.zero_grad(set_to_none=True)
        (loss_pi + loss_beta).backward()
        self._optimizer.step()
        with torch.no_grad():
            weight = importance_weights(log_pi, log_beta, options.cap).mean()
        return {"policy": loss_pi.detach(), "behaviour": loss_beta.detach(), "weight": weight}

    def parts(self) -> dict[str, nn.Module | Optimizer]:
        """The network, the behaviour head and the optimizer."""
        return {
            "network": self.network,
            "behaviour": self.behaviour,
            "optimizer": self._optimizer,
        }
