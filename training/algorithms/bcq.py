"""BCQ (Fujimoto et al., ICML 2019) with items as actions.

A conditional VAE, G, learns which actions the log takes; Q-learning chooses among its samples. An
action is a direction in the space of the items' vectors, as in `training.algorithms.ddpg`. The VAE
has an encoder E(s, a) = (mu, sigma) with z = mu + sigma e, and a decoder D(s, z). Items are
discrete, so that its likelihood is that of the item by softmax instead of a Gaussian's:

    L_vae = -mean log softmax_a(D(s, z) . v_a) + kl mean KL(N(mu, sigma) | N(0, 1))

With n samples a_i = d_i + xi(s, d_i), d_i = D(s, z_i) / |D(s, z_i)|, |xi| <= phi, target networks
', and l = 0.75,

    y = r + gamma (1 - last) max_i [l min(Q1', Q2') + (1 - l) max(Q1', Q2')](s', a_i)
    L_critics = mean (y - Q1(s, a))^2 + mean (y - Q2(s, a))^2
    L_xi = -mean Q1(s, d + xi(s, d))

The policy is argmax_i Q1(s, a_i) (`inference.network.heads.GeneratorHead`). The state encoder and
the items' vectors come from supervised pretraining and are not trained.
"""

from __future__ import annotations

import copy
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize
from torch.optim import Optimizer

from inference.network.heads import LATENT_CLIP, ActorHead, Critic, GeneratorHead, perceptron
from inference.network.network import Network
from training.algorithms.ddpg import bootstrap
from training.algorithms.learner import Learner, mean_of, soft_update
from training.algorithms.options import BcqOptions
from training.algorithms.registry import Algorithm
from training.algorithms.softmax import ItemSampler, log_probabilities
from training.datasets.batches import Batch, Steps
from training.trainer.config import TrainConfig


def soft_minimum(first: Tensor, second: Tensor, weight: float) -> Tensor:
    """L min(Q1, Q2) + (1 - l) max(Q1, Q2), element by element."""
    return weight * torch.minimum(first, second) + (1 - weight) * torch.maximum(first, second)


def divergence(mean: Tensor, log_std: Tensor) -> Tensor:
    """KL(N(mean, std) | N(0, 1)) per coordinate, [n, latent]."""
    return -0.5 * (1 + 2 * log_std - mean**2 - (2 * log_std).exp())


def begin_as(head: GeneratorHead, actor: ActorHead) -> None:
    """Sets a generator's weights so that it first decodes an actor's action from any z."""
    ours, theirs = (
        [layer for layer in stack if isinstance(layer, nn.Linear)]
        for stack in (head.decoder, actor.layers)
    )
    with torch.no_grad():
        state = theirs[0].in_features
        ours[0].weight[:, :state].copy_(theirs[0].weight)
        # Small instead of 0, so that the gradient with respect to z does not vanish.
        ours[0].weight[:, state:].mul_(0.1)
        ours[0].bias.copy_(theirs[0].bias)
        ours[1].load_state_dict(theirs[1].state_dict())
        for weight in head.perturbation[2].parameters():
            weight.zero_()


class Bcq:
    """Trains a network's generator, perturbation and critic.

    Args:
        network: with a `GeneratorHead`; its head alone is trained, in place.
        sampler: of the softmax in the VAE's likelihood.
        options: how to learn.
    """

    def __init__(self, network: Network, sampler: ItemSampler, options: BcqOptions) -> None:
        self.network = self.result = network
        head = network.head
        assert isinstance(head, GeneratorHead)  # noqa: S101  (for mypy; Network makes it so)
        self._head = head
        sizes, device = network.sizes, network.bias.device
        self._latent = head.latents.shape[1]
        action = sizes.item_dim + 1
        self.encoder = perceptron(sizes.state + action, sizes.hidden, 2 * self._latent).to(device)
        self.second = Critic(sizes).to(device)
        self.slow_head, self.slow_second = copy.deepcopy(head), copy.deepcopy(self.second)
        self._sampler = sampler
        self._options = options
        self._generator_optimizer = torch.optim.Adam(
            [*self.encoder.parameters(), *head.decoder.parameters()], options.learning_rate
        )
        self._critic_optimizer = torch.optim.Adam(
            [*head.critic.parameters(), *self.second.parameters()], options.learning_rate
        )
        self._perturbation_optimizer = torch.optim.Adam(
            head.perturbation.parameters(), options.learning_rate
        )

    def update(self, batch: Batch) -> dict[str, Tensor]:
        """Takes one step of VAE, critics, perturbation and targets; the losses before it."""
        network = self.network
        with torch.no_grad():
            vectors = network.vectors()
            state = network.encoder(batch.histories, batch.lengths, batch.users)
            after, lengths = batch.next_histories(network.sizes.items)
            next_state = network.encoder(after, lengths, batch.users)
        action = normalize(vectors[batch.actions], dim=2)
        losses = {
            "vae": self._generate(state, action, batch, vectors),
            "critic": self._criticise(state, action, next_state, batch),
            "perturbation": self._perturb(state),
        }
        soft_update(self.slow_head, self._head, self._options.tau)
        soft_update(self.slow_second, self.second, self._options.tau)
        return losses

    def _generate(self, state: Tensor, action: Tensor, batch: Batch, vectors: Tensor) -> Tensor:
        row, place = torch.nonzero(
            (batch.rewards > 0) & (batch.actions < self.network.sizes.items), as_tuple=True
        )
        if not len(row):
            return torch.zeros((), device=state.device)
        state, action, items = state[row], action[row, place], batch.actions[row, place]
        mean, log_std = self.encoder(torch.cat([state, action], dim=1)).chunk(2, dim=1)
        log_std = log_std.clamp(-4, 15)
        z = mean + log_std.exp() * torch.randn_like(mean)
        made = self._head.decode(state, z)
        with torch.no_grad():
            repeats = self.network.repeat_scores(batch.histories[row], batch.lengths[row])
        likely = log_probabilities(made, vectors, items, self._sampler.draw(), repeats)
        loss = (self._options.kl * divergence(mean, log_std).sum(dim=1) - likely).mean()
        return _step(self._generator_optimizer, loss)

    def _criticise(self, state: Tensor, action: Tensor, after: Tensor, batch: Batch) -> Tensor:
        options = self._options
        with torch.no_grad():
            states, made = self._candidates(self.slow_head, after)
            first, second = self.slow_head.critic(states, made), self.slow_second(states, made)
            values = soft_minimum(first, second, options.soft_minimum)
            discounts = batch.discounts(options.gamma)
            wanted = bootstrap(batch.rewards, discounts, values.amax(dim=1))
        real = (batch.actions < self.network.sizes.items) & batch.valued
        states = state[:, None].expand(-1, real.shape[1], -1)
        loss = mean_of(real, (self._head.critic(states, action) - wanted) ** 2)
        loss = loss + mean_of(real, (self.second(states, action) - wanted) ** 2)
        return _step(self._critic_optimizer, loss)

    def _candidates(self, head: GeneratorHead, state: Tensor) -> tuple[Tensor, Tensor]:
        """Perturbed samples of each state: states and actions, [rows, samples, ...]."""
        samples = len(self._head.latents)
        states = state[:, None].expand(-1, samples, -1)
        z = torch.randn(len(state), samples, self._latent, device=state.device)
        made = self._head.decode(states, z.clamp(-LATENT_CLIP, LATENT_CLIP))
        return states, head.perturb(states, normalize(made, dim=-1))

    def _perturb(self, state: Tensor) -> Tensor:
        with torch.no_grad():
            z = torch.randn(len(state), self._latent, device=state.device)
            made = self._head.decode(state, z.clamp(-LATENT_CLIP, LATENT_CLIP))
            made = normalize(made, dim=1)
        value = self._head.critic(state, self._head.perturb(state, made))
        return _step(self._perturbation_optimizer, -value.mean())

    def stateful(self) -> dict[str, nn.Module | Optimizer]:
        """The network, the VAE's encoder, the second critic, the targets, the optimizers."""
        return {
            "network": self.network,
            "encoder": self.encoder,
            "second": self.second,
            "slow_head": self.slow_head,
            "slow_second": self.slow_second,
            "generator_optimizer": self._generator_optimizer,
            "critic_optimizer": self._critic_optimizer,
            "perturbation_optimizer": self._perturbation_optimizer,
        }


def _step(optimizer: Optimizer, loss: Tensor) -> Tensor:
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    return loss.detach()


def make(network: Network, sampler: ItemSampler, config: TrainConfig, steps: Steps) -> Learner:
    """The learner for some steps or lists."""
    options: BcqOptions = replace(config.options, gamma=config.step_gamma)
    rate = config.learning_rate or options.learning_rate
    return Bcq(network, sampler, replace(options, learning_rate=rate))


def _begin_as(head: nn.Module, pretrained: nn.Module) -> None:
    if isinstance(head, GeneratorHead) and isinstance(pretrained, ActorHead):
        begin_as(head, pretrained)


# The generator's critic is untrained at first and its ranking random: an actor is pretrained
# in its place.
ALGORITHM = Algorithm("bcq", BcqOptions, "bcq", make, "ddpg", _begin_as)
