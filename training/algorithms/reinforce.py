"""REINFORCE with a top-K off-policy correction (Chen et al., WSDM 2019).

The policy is a softmax over the items, pi(a|s) = softmax_a(q(s) . v_a). Another policy, beta, chose
the actions of the log, so that each step of the policy gradient is weighted by

    w(s, a) = min(pi(a|s) / beta(a|s), c)                                  (the paper's eq. 3, 8)

beta(a|s) is the probability that a place of the list holds a. Where a list was drawn, with p(a) the
probability that a was in the list of k items, it is p(a) / k. Otherwise a head of its own learns it
on the same state, whose gradient is stopped: L_beta = -mean log beta(a|s). Lists of popular items
are no policy's decision: they are part of no loss. The policy
recommends a list of K items. The probability that a is in the list,
alpha = 1 - (1 - pi)^K, has the gradient of pi times

    lambda_K(s, a) = d alpha / d pi = K (1 - pi(a|s))^(K - 1)              (eq. 6)

so that the gradient vanishes for an item that is almost surely in the list. Together, with the
discounted return R and the factors held constant,

    L_pi = -mean w(s, a) (lambda_K(s, a) R - b(s)) log pi(a|s)             (eq. 7)

The baseline b(s) is 0 in the paper. With m(a) = min(pi(a|s), c beta(a|s)), the probability that an
action of the log has after its weighting, it adds

    -b E_beta[w grad log pi] = -b sum_a m(a) grad log pi(a|s)
                             =  b sum_a (pi(a|s) - m(a)) grad log pi(a|s)

to the expected gradient. This is 0 only if m = pi, that is if no weight is capped and beta > 0
wherever pi is. Otherwise it makes items more likely that the log shows too rarely, or never: not
because of what they earn, but because they are not there to be counted against. The sum over the
items that the baseline adds is therefore taken away again, with the learnt beta:

    L_pi = -mean [w(s, a) (lambda_K(s, a) R - b(s)) log pi(a|s) + b(s) sum_j m(j) log pi(j|s)]

with m held constant. The expected gradient is then that without a baseline, for any b, with the
variance of one. A perceptron learns b on the same state, whose gradient is stopped:

    L_b = mean w(s, a) (lambda_K(s, a) R - b(s))^2

Without importance weights (c = 0) there is no beta, and no baseline.

Of lists, R is an item's reward and, where `--gamma` is above 0, its part of the rewards of the
user's coming lists (`training.algorithms.slate_credit`).
"""

from __future__ import annotations

import copy
import math
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from inference.network.heads import perceptron
from inference.network.network import Network
from inference.network.repeats import RepeatScores
from training.algorithms.learner import Learner, mean_of
from training.algorithms.options import ReinforceOptions
from training.algorithms.registry import Algorithm
from training.algorithms.softmax import ItemSampler, log_probabilities, log_probabilities_and_all
from training.datasets.batches import Batch, Steps
from training.datasets.lists import ShownLists
from training.trainer.config import TrainConfig


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
        real: bool [n, k], places to average over.
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


def baseline_correction(
    log_pi: Tensor, log_beta: Tensor, log_expected: Tensor | None, cap: float
) -> Tensor:
    """Sum_j m(j) log pi(j|s), [n, 1], with the gradient to log pi alone.

    Args:
        log_pi: [n, j], log pi of all items, or of drawn ones.
        log_beta: [n, j], log beta of the same items.
        log_expected: [j], of drawn items the log of how often each is expected among as many draws
            as it has; None for all items.
        cap: c.
    """
    with torch.no_grad():
        mass = torch.minimum(log_pi, log_beta + math.log(cap))
        if log_expected is not None:
            mass = mass - log_expected
        mass = mass.exp()
    return (mass * log_pi).sum(dim=1, keepdim=True)


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
        repeats: RepeatScores | None = None,
    ) -> Tensor:
        """Log beta(a|s) of actions, of their shape; the gradient stops at the state."""
        query = self.head(state.detach())
        return log_probabilities(query, self.vectors, actions, drawn, repeats)

    def with_all(
        self,
        state: Tensor,
        actions: Tensor,
        drawn: tuple[Tensor, Tensor] | None,
        repeats: RepeatScores | None = None,
    ) -> tuple[Tensor, Tensor]:
        """As `forward`, and log beta of all items, or of the drawn ones, [n, items or drawn]."""
        query = self.head(state.detach())
        return log_probabilities_and_all(query, self.vectors, actions, drawn, repeats)


class Reinforce:
    """Trains a network by REINFORCE, with a behaviour head and a baseline.

    Args:
        network: to train in place.
        sampler: of the softmax over the items.
        options: how to learn.
    """

    def __init__(
        self,
        network: Network,
        sampler: ItemSampler,
        options: ReinforceOptions,
    ) -> None:
        self.network = self.result = network
        device = network.bias.device
        self._learns_baseline = bool(options.cap) and not options.no_baseline
        self._learns_beta = bool(options.cap) and (
            self._learns_baseline or options.propensities != "logged"
        )
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
        """Takes one step; the losses before it and the mean importance weight."""
        options, drawn = self._options, self._sampler.draw()
        real = batch.actions < self.network.sizes.items
        if batch.decided is not None:
            real = real & batch.decided[:, None]
        state = self.network.encoder(batch.histories, batch.lengths, batch.users)
        repeats = self.network.repeat_scores(batch.histories, batch.lengths)
        query, vectors = self.network.head(state), self.network.vectors()
        everywhere, of_beta = None, None
        if self._learns_baseline:
            log_pi, everywhere = log_probabilities_and_all(
                query, vectors, batch.actions, drawn, repeats
            )
        else:
            log_pi = log_probabilities(query, vectors, batch.actions, drawn, repeats)
        losses = {}
        log_beta = logged_propensities(batch.propensities, real)
        of_log = self._logged(batch)
        own_repeats = self.behaviour.repeat_scores(batch.histories, batch.lengths)
        if self._learns_beta:
            if self._learns_baseline:
                learnt, of_beta = self.behaviour.with_all(state, batch.actions, drawn, own_repeats)
            else:
                learnt = self.behaviour(state, batch.actions, drawn, own_repeats)
            of_head = real if self._learns_baseline else real & ~of_log
            losses["behaviour"] = -mean_of(of_head, learnt)
            log_beta = torch.where(of_log, log_beta, learnt.detach())
        if options.propensities == "logged" and options.cap:
            real = real & (batch.propensities > 0)
        with torch.no_grad():
            weights = importance_weights(log_pi, log_beta, options.cap)
            gains = top_k_multipliers(log_pi, options.top_k) * batch.returns
        baseline = torch.zeros_like(log_pi[:, :1])
        if everywhere is not None and of_beta is not None:
            baseline = self.baseline(state.detach())
            losses["baseline"] = baseline_loss(weights, gains, baseline, real)
            added = baseline_correction(
                everywhere,
                of_beta.detach(),
                None if drawn is None else drawn[1],
                options.cap,
            )
            losses["correction"] = -mean_of(real, (baseline.detach() * added).expand_as(log_pi))
        losses["policy"] = policy_loss(log_pi, weights, gains, baseline, real)
        self._optimizer.zero_grad(set_to_none=True)
        torch.stack(list(losses.values())).sum().backward()  # type: ignore[no-untyped-call]
        self._optimizer.step()
        values = {name: loss.detach() for name, loss in losses.items()}
        return {**values, "weight": mean_of(real, weights)}

    def _logged(self, batch: Batch) -> Tensor:
        """Which rows have the log's beta: by default those with drawn items; bool [n, 1]."""
        drawn = (batch.propensities > 0) & (batch.propensities < 1)
        if self._options.propensities == "learnt":
            return torch.zeros_like(drawn[:, :1])
        if self._options.propensities == "logged":
            return torch.ones_like(drawn[:, :1])
        return drawn.any(dim=1, keepdim=True)

    def stateful(self) -> dict[str, nn.Module | Optimizer]:
        """The network, the behaviour head, the baseline and the optimizer."""
        return {
            "network": self.network,
            "behaviour": self.behaviour,
            "baseline": self.baseline,
            "optimizer": self._optimizer,
        }


def make(network: Network, sampler: ItemSampler, config: TrainConfig, steps: Steps) -> Learner:
    """The learner for some steps or lists."""
    options: ReinforceOptions = config.options
    rate = config.learning_rate or options.learning_rate
    options = replace(options, learning_rate=rate, weight_decay=config.weight_decay)
    if isinstance(steps, ShownLists):
        return Reinforce(network, sampler, options)
    # No policy chose what users did, so that there is no beta to correct for.
    return Reinforce(network, sampler, replace(options, cap=options.cap_events))


ALGORITHM = Algorithm("reinforce", ReinforceOptions, "reinforce", make, decomposes=True)
