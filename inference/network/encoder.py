"""The state of a user: a vector made of the last items and the user's embedding."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from inference.network.encoders import encoder_class
from inference.network.sizes import Sizes


class StateEncoder(nn.Module):
    """The state of users: [the encoded window of items, the user's embedding].

    Args:
        sizes: the network's shape.
        dropout: dropout probability, in training only.

    Raises:
        ValueError: the encoder that `sizes` names is unknown.
    """

    def __init__(self, sizes: Sizes, dropout: float = 0.0) -> None:
        super().__init__()
        window_encoder = encoder_class(sizes.encoder)
        self.sizes = sizes
        self.items = nn.Embedding(sizes.items + 1, sizes.item_dim)
        self.users = nn.Embedding(sizes.users + 1, sizes.user_dim)
        nn.init.normal_(self.items.weight, std=1 / math.sqrt(sizes.item_dim))
        nn.init.normal_(self.users.weight, std=0.1)
        self.reader: nn.Module = window_encoder(sizes.item_dim, sizes.window, dropout)

    def forward(self, items: Tensor, lengths: Tensor, users: Tensor) -> Tensor:
        """States of rows.

        Args:
            items: int64 [n, w], rows of the item table, the oldest first, left-aligned; w is at
                most the window. Values beyond a row's length are ignored.
            lengths: int64 [n], the number of items in each row. A row without items is encoded as
                one unknown item.
            users: int64 [n], rows of the user table.

        Returns:
            float [n, state].
        """
        beyond = torch.arange(items.shape[1], device=items.device) >= lengths[:, None]
        known = items.masked_fill(beyond, self.sizes.items)
        window = self.reader(self.items(known), lengths.clamp_min(1))
        return torch.cat([window, self.users(users)], dim=1)
