"""The network of a policy: state encoder, head and item vectors, in training and for inference."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from inference.network.encoder import StateEncoder
from inference.network.heads import HEADS
from inference.network.repeats import RepeatScores, RepeatWeights
from inference.network.sizes import Sizes

ITEM_TABLE = "encoder.items.weight"
"""Name of the item table in the state dict; a model directory keeps it as an .npy file."""

USER_TABLE = "encoder.users.weight"
"""Name of the user table in the state dict; a model directory keeps it as an .npy file."""


class Network(nn.Module):
    """Maps a user's last items to a query, and items to vectors.

    An item's score is the inner product of the query and its vector.

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

    def vectors(self) -> Tensor:
        """The items' vectors [items + 1, item_dim + 1]: embedding and bias."""
        return torch.cat([self.encoder.items.weight, self.bias[:, None]], dim=1)

    def repeat_scores(self, items: Tensor, lengths: Tensor) -> RepeatScores | None:
        """What is added to the scores of the rows' own items; None without such scores."""
        return None if self.repeats is None else self.repeats(items, lengths)

    def forward(self, items: Tensor, lengths: Tensor, users: Tensor) -> Tensor:
        """Queries [n, item_dim + 1] for the arguments of `StateEncoder.forward`."""
        return self.head(self.encoder(items, lengths, users))  # type: ignore[no-any-return]
