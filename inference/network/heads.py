"""Heads, one per algorithm: from a state to a query.

Items are ranked by the inner product of the query and their vectors. An item's vector is its
embedding with its bias appended. `training.algorithms` has a module for the training of each head.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, normalize

from inference.network.sizes import Sizes

LATENT_CLIP = 0.5
"""BCQ clips each coordinate of its latent vectors to this absolute value."""


def perceptron(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    """Two layers with a ReLU between them."""
    return nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, outputs))


class SoftmaxHead(nn.Module):
    """REINFORCE's head: pi(a|s) = softmax_a(e_a' W s + b_a), so the query is [W s, 1]."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.linear = nn.Linear(sizes.state, sizes.item_dim)

    def forward(self, state: Tensor) -> Tensor:
        """States [n, state] to queries [n, item_dim + 1]."""
        query = self.linear(state)
        return torch.cat([query, torch.ones_like(query[:, :1])], dim=1)


class ActorHead(nn.Module):
    """DDPG's actor: a = mu(s), an action in the space of the item vectors."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.layers = perceptron(sizes.state, sizes.hidden, sizes.item_dim + 1)

    def forward(self, state: Tensor) -> Tensor:
        """States [n, state] to actions [n, item_dim + 1]."""
        return self.layers(state)  # type: ignore[no-any-return]


class Critic(nn.Module):
    """Q(s, a), the expected discounted return of action a in state s."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.layers = perceptron(sizes.state + sizes.item_dim + 1, sizes.hidden, 1)

    def forward(self, state: Tensor, action: Tensor) -> Tensor:
        """States [..., state] and actions [..., item_dim + 1] to values [...]."""
        return self.layers(torch.cat([state, action], dim=-1)).squeeze(-1)  # type: ignore[no-any-return]


class GeneratorHead(nn.Module):
    """BCQ's head: of n generated and perturbed actions, the one with the largest value of Q1.

    a_i = d_i + xi(s, d_i), d_i = D(s, z_i) / |D(s, z_i)|, with z_i ~ N(0, 1) clipped to
    +-LATENT_CLIP and each coordinate of xi at most phi. The z_i are drawn once and saved with the
    model, so that equal states get equal lists.

    Args:
        sizes: the network's shape.
        samples: number n of actions.
        phi: largest absolute perturbation of a coordinate.
    """

    def __init__(self, sizes: Sizes, samples: int = 10, phi: float = 0.05) -> None:
        super().__init__()
        action = sizes.item_dim + 1
        latent = 2 * action
        self.phi = phi
        self.decoder = perceptron(sizes.state + latent, sizes.hidden, action)
        self.perturbation = perceptron(sizes.state + action, sizes.hidden, action)
        self.critic = Critic(sizes)
        self.latents: Tensor
        drawn = torch.randn(samples, latent).clamp(-LATENT_CLIP, LATENT_CLIP)
        self.register_buffer("latents", drawn)

    def decode(self, state: Tensor, latent: Tensor) -> Tensor:
        """States [..., state] and latent vectors [..., latent] to queries [..., item_dim + 1]."""
        return self.decoder(torch.cat([state, latent], dim=-1))  # type: ignore[no-any-return]

    def perturb(self, state: Tensor, action: Tensor) -> Tensor:
        """The actions, perturbed by at most phi in each coordinate."""
        move = self.perturbation(torch.cat([state, action], dim=-1)).tanh()
        return action + self.phi * move  # type: ignore[no-any-return]

    def forward(self, state: Tensor) -> Tensor:
        """States [n, state] to actions [n, item_dim + 1]."""
        decoded = _on_samples(self.decoder, state, self.latents[None])
        actions = normalize(decoded, dim=-1)
        move = _on_samples(self.perturbation, state, actions)
        # tanh x = 2 sigmoid(2 x) - 1: the float64 kernel of sigmoid is many times faster.
        actions = actions + self.phi * (2 * (2 * move).sigmoid() - 1)
        best = _on_samples(self.critic.layers, state, actions).squeeze(-1).argmax(dim=1)
        row = torch.arange(len(state), device=state.device)
        # With the norm of the decoded vector its inner products are logits, as in the likelihood.
        return actions[row, best] * decoded[row, best].norm(dim=1, keepdim=True)  # type: ignore[no-any-return]


def _on_samples(layers: nn.Sequential, state: Tensor, samples: Tensor) -> Tensor:
    """A perceptron on states [n, state], each concatenated with its samples [n or 1, samples, s].

    The product with the state is computed once for all samples.
    """
    first: nn.Linear = layers[0]  # type: ignore[assignment]
    for_state, for_sample = torch.tensor_split(first.weight, [state.shape[1]], dim=1)
    hidden = linear(state, for_state, first.bias)[:, None] + linear(samples, for_sample)
    return layers[2](layers[1](hidden))  # type: ignore[no-any-return]


HEADS: dict[str, type[nn.Module]] = {
    "reinforce": SoftmaxHead,
    "ddpg": ActorHead,
    "bcq": GeneratorHead,
}
"""The head of each algorithm."""
