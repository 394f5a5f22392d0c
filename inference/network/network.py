"""The network of a policy: encoder, head and items' vectors, as trained and as served."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from inference.network.copying import Copies, CopyWeights
from inference.network.encoder import Sizes, StateEncoder
from inference.network.heads import HEADS

ITEM_TABLE = "encoder.items.weight"
USER_TABLE = "encoder.users.weight"
"""The state dict's names of the two tables, which a model directory keeps as .npy files."""


class Network(nn.Module):
    """A user's last items to a query, and items to vectors.

    Args:
        algorithm: one of HEADS.
        sizes: the network's shape.
        dropout: probability, in training only.

    Raises:
        ValueError: the algorithm or the encoder is not known.
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
        self.copy = CopyWeights(sizes.window) if sizes.copy else None

    def vectors(self) -> Tensor:
        """The items' vectors [items + 1, item_dim + 1]: embedding and bias."""
        return torch.cat([self.encoder.items.weight, self.bias[:, None]], dim=1)

    def copies(self, items: Tensor, lengths: Tensor) -> Copies | None:
        """What is added to the scores of the rows' own items; None for nothing."""
        return None if self.copy is None else self.copy(items, lengths)

    def forward(self, items: Tensor, lengths: Tensor, users: Tensor) -> Tensor:
        """Queries [n, item_dim + 1] of rows as `StateEncoder.forward` takes them."""
        return self.head(self.encoder(items, lengths, users))  # type: ignore[no-any-return]
