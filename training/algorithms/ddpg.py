"""DDPG (Lillicrap et al., ICLR 2016) with items as actions.

An action is a direction in the space of the items' vectors. The actor's action
a = mu(s) / |mu(s)| ranks the items by inner product. A logged item's action is v / |v|. With
target networks mu', Q' that follow by theta' <- tau theta + (1 - tau) theta',

    y = r + gamma (1 - last) Q'(s', mu'(s'))
    L_critic = mean (y - Q(s, a))^2
    L_actor = -mean Q(s, mu(s))

Learning from a log, the actor cannot explore, and the critic's errors on actions that are not in
the log mislead it. An anchor may therefore be added to L_actor, as in TD3+BC (Fujimoto and Gu,
2021). L_actor is then divided by the mean of |Q|, so that the anchor's weight does not depend on
the scale of the rewards:

    L_actor / mean |Q(s, mu(s))| + anchor * -mean log softmax_a(mu(s) . v_a)

The second mean is over the logged actions with a reward above 0. With anchor 0 the loss is the
paper's. The items of a list are actions of one state, and the next state is that of the user's next
list (`training.datasets.coming_lists`); lists after which the log ends are no part of L_critic.

With `--neighbours` M the critic is part of the model and ranks the M items nearest to the action
(Wolpertinger, `inference.search.critic_ranking`). The state encoder and the items' vectors come
from supervised pretraining and are not trained.
"""

from __future__ import annotations

import copy
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize
from torch.optim import Optimizer

from inference.network.heads import Critic
from inference.network.network import Network
from training.algorithms.learner import Learner, mean_of, soft_update
from training.algorithms.options import DdpgOptions
from training.algorithms.registry import Algorithm
from training.algorithms.softmax import ItemSampler, log_probabilities
from training.datasets.batches import Batch, Steps
from training.trainer.config import TrainConfig


def bootstrap(rewards: Tensor, discounts: Tensor, next_values: Tensor) -> Tensor:
    """Y = r + d V(s') for rewards [n, k], discounts [n] (0 where no state follows), V(s') [n]."""
    return rewards + (discounts * next_values)[:, None]


class Ddpg:
    """Trains a network's actor, with a critic.

    Args:
        network: with an `ActorHead`; its head alone is trained, in place.
        sampler: of the softmax in the anchor.
        options: how to learn.
    """

    def __init__(self, network: Network, sampler: ItemSampler, options: DdpgOptions) -> None:
        self.network = self.result = network
        self.critic = network.critic or Critic(network.sizes).to(network.bias.device)
        self.targets = nn.ModuleDict(
            {"actor": copy.deepcopy(network.head), "critic": copy.deepcopy(self.critic)}
        )
        self._sampler = sampler
        self._options = options
        self._actor_optimizer = torch.optim.Adam(network.head.parameters(), options.actor_rate)
        self._critic_optimizer = torch.optim.Adam(self.critic.parameters(), options.critic_rate)

    def update(self, batch: Batch) -> dict[str, Tensor]:
        """Takes one step of critic, actor and targets; the losses before it."""
        options, network = self._options, self.network
        with torch.no_grad():
            vectors = network.vectors()
            repeats = network.repeat_scores(batch.histories, batch.lengths)
            state = network.encoder(batch.histories, batch.lengths, batch.users)
            after, lengths = batch.next_histories(network.sizes.items)
            next_state = network.encoder(after, lengths, batch.users)
            next_action = normalize(self.targets["actor"](next_state), dim=1)
            next_value = self.targets["critic"](next_state, next_action)
            wanted = bootstrap(batch.rewards, batch.discounts(options.gamma), next_value)
        real = (batch.actions < network.sizes.items) & batch.valued
        states = state[:, None].expand(-1, real.shape[1], -1)
        value = self.critic(states, normalize(vectors[batch.actions], dim=2))
        loss_critic = mean_of(real, (value - wanted) ** 2)
        self._critic_optimizer.zero_grad(set_to_none=True)
        loss_critic.backward()  # type: ignore[no-untyped-call]
        self._critic_optimizer.step()

        query = network.head(state)
        worth = self.critic(state, normalize(query, dim=1))
        loss_actor = -worth.mean()
        if options.anchor:
            loss_actor = loss_actor / worth.detach().abs().mean().clamp_min(1e-6)
            done = log_probabilities(query, vectors, batch.actions, self._sampler.draw(), repeats)
            taken = (batch.actions < network.sizes.items) & (batch.rewards > 0)
            loss_actor = loss_actor - options.anchor * mean_of(taken, done)
        self._actor_optimizer.zero_grad(set_to_none=True)
        loss_actor.backward()
        self._actor_optimizer.step()
        soft_update(self.targets["actor"], network.head, options.tau)
        soft_update(self.targets["critic"], self.critic, options.tau)
        return {"critic": loss_critic.detach(), "actor": loss_actor.detach()}

    def stateful(self) -> dict[str, nn.Module | Optimizer]:
        """The network, the critic, the targets and the optimizers."""
        return {
            "network": self.network,
            "critic": self.critic,
            "targets": self.targets,
            "actor_optimizer": self._actor_optimizer,
            "critic_optimizer": self._critic_optimizer,
        }


def make(network: Network, sampler: ItemSampler, config: TrainConfig, steps: Steps) -> Learner:
    """The learner for some steps or lists."""
    options: DdpgOptions = replace(config.options, gamma=config.step_gamma)
    if rate := config.learning_rate:
        options = replace(options, actor_rate=rate, critic_rate=rate)
    return Ddpg(network, sampler, options)


ALGORITHM = Algorithm("ddpg", DdpgOptions, "ddpg", make)
