"""REINFORCE with a top-K off-policy correction (Chen et al., WSDM 2019).

The policy is a softmax over the items, pi(a|s) = softmax_a(q(s) . v_a). The log was made by
another policy beta, so that each step of the policy gradient is weighted by

    w(s, a) = min(pi(a|s) / beta(a|s), c)                                  (the paper's eq. 3, 8)

beta(a|s) is the chance that a place of the log is about a. Where the log has propensities, the
chance p(a) that a was in the list of k, it is p(a) / k. Otherwise it is learnt beside, by a head of
its own on the same state with its gradient stopped: L_beta = -mean log beta(a|s). A list of K
items is shown, not one; the chance that a is in it, alpha = 1 - (1 - pi)^K, has the gradient of pi
times

    lambda_K(s, a) = d alpha / d pi = K (1 - pi(a|s))^(K - 1)              (eq. 6)

so that an item that is likely to be in the list already is pushed no further. Together, with
the discounted return R and the factors held constant,

    L_pi = -mean w(s, a) (lambda_K(s, a) R - b(s)) log pi(a|s)             (eq. 7)

b(s) is a baseline, which is 0 in the paper's equation. It changes no expectation, as
E_beta[pi / beta grad log pi] = 0, but what was shown and not taken then counts against its item. It
is learnt beside, by a perceptron on the same state with its gradient stopped:

    L_b = mean w(s, a) (lambda_K(s, a) R - b(s))^2

Without importance weights (c = 0) it would change the expectation, and is left out.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from inference.network.heads import perceptron
from inference.network.network import Network
from inference.network.repeats import RepeatScores
from training.algorithms.learner import mean_of
from training.algorithms.softmax import ItemSampler, log_probabilities
from training.datasets.batches import Batch

PROPENSITIES = ("auto", "logged", "learnt")


@dataclass(frozen=True, slots=True)
class ReinforceOptions:
    """How REINFORCE learns.

    Attributes:
        top_k: K, the length of the lists; 1 for no top-K correction.
        cap: c, the largest importance weight on lists; 0 for no weights at all.
        cap_events: the same on what users did by themselves.
        propensities: where beta is from, one of PROPENSITIES; auto: logged where the log was
            made with exploration, learnt where it was not.
        baseline: whether b(s) is learnt; without, it is 0.
        learning_rate: of Adam, for all heads.
        weight_decay: of all weights, decoupled.
    """

    top_k: int = 8
    cap: float = 3.0
    cap_events: float = 0.0
    propensities: str = "auto"
    baseline: bool = True
    learning_rate: float = 3e-4
    weight_decay: float = 0.0


def importance_weights(log_pi: Tensor, log_beta: Tensor, cap: float) -> Tensor:
    """min(pi / beta, cap) element by element; all 1 where the cap is 0."""
    if cap == 0:
        return torch.ones_like(log_pi)
    return (log_pi - log_beta).exp().clamp_max(cap)


def top_k_multipliers(log_pi: Tensor, k: int) -> Tensor:
    """K (1 - pi)^(K - 1) element by element."""
    return k * (1 - log_pi.exp()).clamp(0, 1) ** (k - 1)


def policy_loss(
    log_pi: Tensor,
    weights: Tensor,
    gains: Tensor,
    baseline: Tensor,
    real: Tensor,
) -> Tensor:
    """L_pi of the module's docstring.

    Args:
        log_pi: [n, k], log pi(a|s), through which the gradient flows.
        weights: [n, k], w(s, a).
        gains: [n, k], lambda_K(s, a) R.
        baseline: [n, 1], b(s).
        real: bool [n, k], which places count.
    """
    factor = (weights * (gains - baseline)).detach()
    return -mean_of(real, factor * log_pi)


def baseline_loss(weights: Tensor, gains: Tensor, baseline: Tensor, real: Tensor) -> Tensor:
    """L_b of the module's docstring, with the gradient to the baseline [n, 1] alone."""
    return mean_of(real, weights.detach() * (gains.detach() - baseline) ** 2)


def logged_propensities(propensities: Tensor, real: Tensor) -> Tensor:
    """Log beta(a|s) = log p(a) / k out of p [n, k], k the number of a row's real places."""
    places = real.sum(dim=1, keepdim=True).clamp_min(1)
    return (propensities.clamp_min(1e-9) / places).log()


class Behaviour(nn.Module):
    """beta(a|s): a softmax over the items with a query and vectors of its own.

    Args:
        network: it starts as this network's policy.
    """

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.head = copy.deepcopy(network.head).requires_grad_(True)
        self.repeats = copy.deepcopy(network.repeats)
        self.vectors = nn.Parameter(network.vectors().detach().clone())

    def repeat_scores(self, items: Tensor, lengths: Tensor) -> RepeatScores | None:
        """As `Network.repeat_scores`, with weights of its own."""
        return None if self.repeats is None else self.repeats(items, lengths)

    def forward(
        self,
        state: Tensor,
        actions: Tensor,
        drawn: tuple[Tensor, Tensor] | None,
        copies: RepeatScores | None = None,
    ) -> Tensor:
        """Log beta(a|s) of actions, of their shape; the gradient stops at the state."""
        query = self.head(state.detach())
        return log_probabilities(query, self.vectors, actions, drawn, copies)


class Reinforce:
    """Learns a network by REINFORCE, with a behaviour head and a baseline beside it.

    Args:
        network: to train in place.
        sampler: of the softmax over the items.
        options: how to learn.
        logged: whether beta is what the log says; otherwise it is learnt.
    """

    def __init__(
        self,
        network: Network,
        sampler: ItemSampler,
        options: ReinforceOptions,
        logged: bool = False,
    ) -> None:
        self.network = self.result = network
        device = network.bias.device
        self._learns_beta = bool(options.cap) and not logged
        self._learns_baseline = bool(options.cap) and options.baseline
        self.behaviour = Behaviour(network)
        self.baseline = perceptron(network.sizes.state, network.sizes.hidden, 1).to(device)
        self._sampler = sampler
        self._options = options
        weights = [
            *network.parameters(),
            *(self.behaviour.parameters() if self._learns_beta else ()),
            *(self.baseline.parameters() if self._learns_baseline else ()),
        ]
        self._optimizer = torch.optim.AdamW(
            [weight for weight in weights if weight.requires_grad],
            options.learning_rate,
            weight_decay=options.weight_decay,
        )

    def update(self, batch: Batch) -> dict[str, Tensor]:
        """One step; the losses before it and the mean importance weight."""
        options, drawn = self._options, self._sampler.draw()
        real = batch.actions < self.network.sizes.items
        state = self.network.encoder(batch.histories, batch.lengths, batch.users)
        copies = self.network.repeat_scores(batch.histories, batch.lengths)
        log_pi = log_probabilities(
            self.network.head(state), self.network.vectors(), batch.actions, drawn, copies
        )
        losses = {}
        if self._learns_beta:
            own_copies = self.behaviour.repeat_scores(batch.histories, batch.lengths)
            log_beta = self.behaviour(state, batch.actions, drawn, own_copies)
            losses["behaviour"] = -mean_of(real, log_beta)
        else:
            log_beta = logged_propensities(batch.propensities, real)
            if options.cap:
                real = real & (batch.propensities > 0)
        with torch.no_grad():
            weights = importance_weights(log_pi, log_beta, options.cap)
            gains = top_k_multipliers(log_pi, options.top_k) * batch.returns
        baseline = torch.zeros_like(log_pi[:, :1])
        if self._learns_baseline:
            baseline = self.baseline(state.detach())
            losses["baseline"] = baseline_loss(weights, gains, baseline, real)
        losses["policy"] = policy_loss(log_pi, weights, gains, baseline, real)
        self._optimizer.zero_grad(set_to_none=True)
        torch.stack(list(losses.values())).sum().backward()  # type: ignore[no-untyped-call]
        self._optimizer.step()
        shown = {name: loss.detach() for name, loss in losses.items()}
        return {**shown, "weight": mean_of(real, weights)}

    def parts(self) -> dict[str, nn.Module | Optimizer]:
        """The network, the two heads beside it and the optimizer."""
        return {
            "network": self.network,
            "behaviour": self.behaviour,
            "baseline": self.baseline,
            "optimizer": self._optimizer,
        }
