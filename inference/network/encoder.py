"""What a policy knows about a user: the last items and the user's own embedding, as a state."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from inference.network.sizes import Sizes

ENCODERS = ("attention", "gru")


class Attention(nn.Module):
    """The last item looks back over the window: a SASRec block, for its last position only.

    With x_r the embedding of the r-th last item plus that of its place r, per head
    w = softmax_r(x_0' Q x_r / sqrt(d)), then h = LN(x_0 + O [sum_r w_r x_r]) and
    LN(h + F2 relu(F1 h)). Keys and values need no projection of their own: a bilinear form is
    one matrix, so the cost per row is small.
    """

    HEADS = 2

    def __init__(self, dim: int, window: int, dropout: float) -> None:
        super().__init__()
        self.places = nn.Parameter(torch.randn(window, dim) * 0.02)
        self.query = nn.Linear(dim, self.HEADS * dim, bias=False)
        self.out = nn.Linear(self.HEADS * dim, dim)
        self.norm_in = nn.LayerNorm(dim)
        self.wide = nn.Linear(dim, 2 * dim)
        self.narrow = nn.Linear(2 * dim, dim)
        self.norm_out = nn.LayerNorm(dim)
        self.dropout = nn.Dropout(dropout)

    def forward(self, items: Tensor, lengths: Tensor) -> Tensor:
        """Embedded windows [n, w, d], the oldest first, and lengths [n] >= 1 to [n, d]."""
        n, window, dim = items.shape
        place = lengths[:, None] - 1 - torch.arange(window, device=items.device)
        x = self.dropout(items + self.places[place.clamp_min(0)])
        last = x[torch.arange(n, device=items.device), lengths - 1]
        query = self.query(last).view(n, self.HEADS, dim) / math.sqrt(dim)
        logits = torch.bmm(query, x.transpose(1, 2))
        weights = logits.masked_fill((place < 0)[:, None], -torch.inf).softmax(dim=2)
        context = self.out(torch.bmm(weights, x).flatten(1))
        h = self.norm_in(last + self.dropout(context))
        return self.norm_out(h + self.dropout(self.narrow(self.wide(h).relu())))  # type: ignore[no-any-return]


class Recurrent(nn.Module):
    """A gated recurrent unit over the window, as in GRU4Rec; its last hidden state."""

    def __init__(self, dim: int, dropout: float) -> None:
        super().__init__()
        self.gru = nn.GRU(dim, dim, batch_first=True)
        self.norm_out = nn.LayerNorm(dim)
        self.dropout = nn.Dropout(dropout)

    def forward(self, items: Tensor, lengths: Tensor) -> Tensor:
        """Embedded windows [n, w, d], the oldest first, and lengths [n] >= 1 to [n, d]."""
        hidden, _ = self.gru(self.dropout(items))
        last = hidden[torch.arange(len(items), device=items.device), lengths - 1]
        return self.norm_out(last)  # type: ignore[no-any-return]


class StateEncoder(nn.Module):
    """The state of users: [what the window's items say, the user's embedding].

    Args:
        sizes: the network's shape.
        dropout: probability, in training only.

    Raises:
        ValueError: an encoder of that name is not known.
    """

    def __init__(self, sizes: Sizes, dropout: float = 0.0) -> None:
        super().__init__()
        if sizes.encoder not in ENCODERS:
            raise ValueError(
                f"encoder {sizes.encoder!r} is not known; choose from {', '.join(ENCODERS)}"
            )
        self.sizes = sizes
        self.items = nn.Embedding(sizes.items + 1, sizes.item_dim)
        self.users = nn.Embedding(sizes.users + 1, sizes.user_dim)
        nn.init.normal_(self.items.weight, std=1 / math.sqrt(sizes.item_dim))
        nn.init.normal_(self.users.weight, std=0.1)
        self.reader: nn.Module = (
            Attention(sizes.item_dim, sizes.window, dropout)
            if sizes.encoder == "attention"
            else Recurrent(sizes.item_dim, dropout)
        )

    def forward(self, items: Tensor, lengths: Tensor, users: Tensor) -> Tensor:
        """States of rows.

        Args:
            items: int64 [n, w], rows of the item table, the oldest first, left-aligned; w is at
                most the window. What lies beyond a row's length is not looked at.
            lengths: int64 [n], how many items each row has; a row with none is read as one with
                one unknown item.
            users: int64 [n], rows of the user table.

        Returns:
            [n, state].
        """
        beyond = torch.arange(items.shape[1], device=items.device) >= lengths[:, None]
        known = items.masked_fill(beyond, self.sizes.items)
        read = self.reader(self.items(known), lengths.clamp_min(1))
        return torch.cat([read, self.users(users)], dim=1)
