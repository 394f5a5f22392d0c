"""Discrete BCQ (Fujimoto et al., 2019b) as a Q head on the supervised encoder (Xin et al., 2020).

Discrete BCQ ("Benchmarking batch deep reinforcement learning algorithms", arXiv:1910.01708) chooses
the best action by Q among those that a generative model G of the log deems likely enough:

    pi(s) = argmax over a with G(a | s) / max_b G(b | s) > tau of Q(s, a)             (its eq. 3)

Here G is the softmax of supervised pretraining, and likely enough are its M first items
(`--neighbours`): the running job then searches as for DDPG (`inference.search.critic_ranking`), and
the k items of the largest Q of them are the list. As in SQN (Xin et al., "Self-supervised
reinforcement learning for recommender systems", SIGIR 2020), Q is a head on the supervised
encoder: Q(s, a) = f(s, v_a / |v_a|), which learns by double Q-learning with a target network Q'
that follows by Q' <- tau Q + (1 - tau) Q':

    y = r + d Q'(s', argmax over a' in top_M G(. | s') of Q(s', a'))
    L = mean huber(y - Q(s, a))

d is the discount: `--gamma`, 0 at a session's end, or that of the user's next list
(`training.datasets.coming_lists`). Rows after which the log ends are no part of L. The items of
a list are actions of one state. The encoder, the vectors and G are not trained further, unlike in
SQN, whose two losses train the encoder together.
"""

from __future__ import annotations

import copy
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn.functional import huber_loss, normalize
from torch.optim import Optimizer

from inference.network.heads import Critic
from inference.network.network import Network
from training.algorithms.ddpg import bootstrap
from training.algorithms.learner import Learner, mean_of, soft_update
from training.algorithms.options import DiscreteBcqOptions
from training.algorithms.registry import Algorithm
from training.algorithms.softmax import ItemSampler
from training.datasets.batches import Batch, Steps
from training.trainer.config import DEFAULT_GAMMA, TrainConfig


class DiscreteBcq:
    """Trains a network's critic.

    Args:
        network: with neighbours; its critic alone is trained, in place.
        options: how to learn.
    """

    def __init__(self, network: Network, options: DiscreteBcqOptions) -> None:
        self.network = self.result = network
        assert network.critic is not None  # noqa: S101  (for mypy; sizes.neighbours makes it so)
        self.critic: Critic = network.critic
        self.target = copy.deepcopy(self.critic)
        self._options = options
        self._optimizer = torch.optim.Adam(self.critic.parameters(), options.learning_rate)

    def update(self, batch: Batch) -> dict[str, Tensor]:
        """Takes one step of critic and target; the loss before it."""
        network, options = self.network, self._options
        with torch.no_grad():
            actions = normalize(network.vectors(), dim=1)
            state = network.encoder(batch.histories, batch.lengths, batch.users)
            after, lengths = batch.next_histories(network.sizes.items)
            next_state = network.encoder(after, lengths, batch.users)
            best = self._likely(next_state, after, lengths)
            states = next_state[:, None].expand(-1, best.shape[1], -1)
            chosen = self.critic(states, actions[best]).argmax(dim=1, keepdim=True)
            action = actions[best.gather(1, chosen)]
            value = self.target(next_state[:, None], action).squeeze(1)
            wanted = bootstrap(batch.rewards, batch.discounts(options.gamma), value)
        real = (batch.actions < network.sizes.items) & batch.valued
        states = state[:, None].expand(-1, real.shape[1], -1)
        found = self.critic(states, actions[batch.actions])
        loss = mean_of(real, huber_loss(found, wanted, reduction="none"))
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimizer.step()
        soft_update(self.target, self.critic, options.tau)
        return {"critic": loss.detach()}

    def _likely(self, state: Tensor, items: Tensor, lengths: Tensor) -> Tensor:
        """The M items of the largest G in states with these histories, int64 [n, M]."""
        network = self.network
        scores: Tensor = network.head(state) @ network.vectors().T
        repeats = network.repeat_scores(items, lengths)
        if repeats is not None:
            scores = scores.scatter_add(1, *repeats)
        scores = scores[:, :-1]
        return scores.topk(min(network.sizes.neighbours, scores.shape[1]), dim=1).indices

    def stateful(self) -> dict[str, nn.Module | Optimizer]:
        """The network with its critic, the target and the optimizer."""
        return {"network": self.network, "target": self.target, "optimizer": self._optimizer}


def make(network: Network, sampler: ItemSampler, config: TrainConfig, steps: Steps) -> Learner:
    """The learner for some steps or lists."""
    options: DiscreteBcqOptions = replace(config.options, gamma=config.step_gamma)
    return DiscreteBcq(
        network, replace(options, learning_rate=config.learning_rate or options.learning_rate)
    )


ALGORITHM = Algorithm(
    "discrete-bcq", DiscreteBcqOptions, "reinforce", make, list_gamma=DEFAULT_GAMMA
)
