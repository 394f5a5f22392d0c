"""The built-in window encoders: from the embedded items of a window to one vector.

`inference.network.encoders` describes how to register one of your own.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding


class Attention(nn.Module):
    """The last item attends to the window: a SASRec block, for its last position only.

    With x_r the embedding of the r-th last item plus that of its place r, each head computes
    w = softmax_r(x_0' Q x_r / sqrt(d)). Then h = LN(x_0 + O [sum_r w_r x_r]), and the output is
    LN(h + F2 relu(F1 h)). Keys and values have no projection of their own: a bilinear form needs
    one matrix, which keeps the cost per row small.

    Args:
        dim: length d of an embedding.
        window: most items in a window.
        dropout: dropout probability, in training only.
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
        """Embedded windows to vectors.

        Args:
            items: float [n, w, d], the oldest item first, left-aligned.
            lengths: int64 [n], at least 1, how many items of a row are valid.

        Returns:
            float [n, d].
        """
        n, window, dim = items.shape
        place = lengths[:, None] - 1 - torch.arange(window, device=items.device)
        # An embedding's gradient has one order of summation, an index's that of the threads.
        x = self.dropout(items + embedding(place.clamp_min(0), self.places))
        last = x[torch.arange(n, device=items.device), lengths - 1]
        query = self.query(last).view(n, self.HEADS, dim) / math.sqrt(dim)
        logits = torch.bmm(query, x.transpose(1, 2))
        weights = logits.masked_fill((place < 0)[:, None], -torch.inf).softmax(dim=2)
        context = self.out(torch.bmm(weights, x).flatten(1))
        h = self.norm_in(last + self.dropout(context))
        return self.norm_out(h + self.dropout(self.narrow(self.wide(h).relu())))  # type: ignore[no-any-return]


class Recurrent(nn.Module):
    """A gated recurrent unit over the window, as in GRU4Rec: its last hidden state, normalized.

    Args:
        dim: length d of an embedding.
        window: not used; a recurrent unit reads windows of any length.
        dropout: dropout probability, in training only.
    """

    def __init__(self, dim: int, window: int, dropout: float) -> None:
        super().__init__()
        del window
        self.gru = nn.GRU(dim, dim, batch_first=True)
        self.norm_out = nn.LayerNorm(dim)
        self.dropout = nn.Dropout(dropout)

    def forward(self, items: Tensor, lengths: Tensor) -> Tensor:
        """As `Attention.forward`."""
        hidden, _ = self.gru(self.dropout(items))
        last = hidden[torch.arange(len(items), device=items.device), lengths - 1]
        return self.norm_out(last)  # type: ignore[no-any-return]
