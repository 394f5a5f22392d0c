"""From a state to a query: the vector by whose inner product with the items' vectors they rank.

One head per algorithm; an item's vector is its embedding and, last, its bias. How each is
trained stands in `training.reinforce`, `training.ddpg` and `training.bcq`.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from inference.encoder import Sizes

LATENT_CLIP = 0.5
"""BCQ draws its latent vectors within this distance of 0, coordinate by coordinate."""


def perceptron(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    """Two layers with a ReLU between them."""
    return nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, outputs))


class SoftmaxHead(nn.Module):
    """REINFORCE's: pi(a|s) = softmax_a(e_a' W s + b_a), so the query is [W s, 1]."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.linear = nn.Linear(sizes.state, sizes.item_dim)

    def forward(self, state: Tensor) -> Tensor:
        """States [n, state] to queries [n, item_dim + 1]."""
        query = self.linear(state)
        return torch.cat([query, torch.ones_like(query[:, :1])], dim=1)


class ActorHead(nn.Module):
    """DDPG's actor: a = mu(s), an action in the space of the items' vectors."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.layers = perceptron(sizes.state, sizes.hidden, sizes.item_dim + 1)

    def forward(self, state: Tensor) -> Tensor:
        """States [n, state] to actions [n, item_dim + 1]."""
        return self.layers(state)  # type: ignore[no-any-return]


class Critic(nn.Module):
    """Q(s, a), the discounted return expected of action a in state s."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.layers = perceptron(sizes.state + sizes.item_dim + 1, sizes.hidden, 1)

    def forward(self, state: Tensor, action: Tensor) -> Tensor:
        """States [..., state] and actions [..., item_dim + 1] to values [...]."""
        return self.layers(torch.cat([state, action], dim=-1)).squeeze(-1)  # type: ignore[no-any-return]


class GeneratorHead(nn.Module):
    """BCQ's: of n generated and perturbed actions, the one that the first critic values most.

    a_i = d_i + xi(s, d_i), d_i = D(s, z_i) / |D(s, z_i)|, with z_i ~ N(0, 1) clipped to +-0.5 and
    every coordinate of xi at most phi.
    The z_i are drawn once and kept with the model, so that equal states get equal lists.
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
        """The actions, each moved by at most phi in every coordinate."""
        move = self.perturbation(torch.cat([state, action], dim=-1)).tanh()
        return action + self.phi * move  # type: ignore[no-any-return]

    def forward(self, state: Tensor) -> Tensor:
        """States [n, state] to actions [n, item_dim + 1]."""
        samples = len(self.latents)
        states = state[:, None].expand(-1, samples, -1)
        latents = self.latents[None].expand(len(state), -1, -1)
        actions = self.perturb(states, normalize(self.decode(states, latents), dim=-1))
        best = self.critic(states, actions).argmax(dim=1)
        return actions[torch.arange(len(state), device=state.device), best]


HEADS: dict[str, type[nn.Module]] = {
    "reinforce": SoftmaxHead,
    "ddpg": ActorHead,
    "bcq": GeneratorHead,
}
"""The head of each algorithm."""
