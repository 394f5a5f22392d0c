"""The network of a policy: state encoder, head and item vectors, in training and for inference."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from inference.network.encoder import StateEncoder
from inference.network.heads import HEADS, Critic
from inference.network.repeats import RepeatScores, RepeatWeights
from inference.network.sizes import Sizes

ITEM_TABLE = "encoder.items.weight"
"""Name of the item table in the state dict; a model directory keeps it as an .npy file."""

USER_TABLE = "encoder.users.weight"
"""Name of the user table in the state dict; a model directory keeps it as an .npy file."""


class Network(nn.Module):
    """Maps a user's last items to a query, and items to vectors.

    An item's score is the inner product of the query and its vector. Where the sizes have
    neighbours a critic ranks the items of the largest scores.

    Args:
        algorithm: one of HEADS.
        sizes: the network's shape.
        dropout: dropout probability, in training only.

    Raises:
        ValueError: the algorithm or the encoder is unknown.
    """

    def __init__(self, algorithm: str, sizes: Sizes, dropout: float = 0.0) -> None:
        super().__init__()
        if algorithm not in HEADS:
            raise ValueError(
                f"algorithm {algorithm!r} is not known; choose from {', '.join(HEADS)}"
            )
        self.algorithm = algorithm
        self.sizes = sizes
        self.encoder = StateEncoder(sizes, dropout)
        self.head = HEADS[algorithm](sizes)
        self.bias = nn.Parameter(torch.zeros(sizes.items + 1))
        self.repeats = RepeatWeights(sizes.window) if sizes.repeats else None
        self.critic = Critic(sizes) if sizes.neighbours else None
        if self.critic is not None:
            # Equal values of all items leave the search's order.
            for weight in self.critic.layers[2].parameters():
                nn.init.zeros_(weight)

    def vectors(self) -> Tensor:
        """The items' vectors [items + 1, item_dim + 1]: embedding and bias."""
        return torch.cat([self.encoder.items.weight, self.bias[:, None]], dim=1)

    def repeat_scores(self, items: Tensor, lengths: Tensor) -> RepeatScores | None:
        """What is added to the scores of the rows' own items; None without such scores."""
        return None if self.repeats is None else self.repeats(items, lengths)

    def reordered(self, state: Tensor, scores: Tensor) -> Tensor:
        """The scores with those of the best items replaced, so that these rank as the critic says.

        Args:
            state: [n, state].
            scores: [n, items + 1]; items that are not to be ranked have minus infinity.

        Returns:
            [n, items + 1]; `scores` itself without a critic.
        """
        if self.critic is None:
            return scores
        most = min(self.sizes.neighbours, scores.shape[1] - 1)
        best, rows = scores.topk(most, dim=1)
        action = normalize(self.vectors()[rows], dim=2)
        value = self.critic(state[:, None].expand(-1, most, -1), action)
        value = value.masked_fill(best == -torch.inf, -torch.inf)
        order = value.argsort(dim=1, descending=True, stable=True)
        # The largest scores again, in the order of the values.
        return scores.scatter(1, rows.gather(1, order), best)

    def forward(self, items: Tensor, lengths: Tensor, users: Tensor) -> Tensor:
        """Queries [n, item_dim + 1] for the arguments of `StateEncoder.forward`."""
        return self.head(self.encoder(items, lengths, users))  # type: ignore[no-any-return]
