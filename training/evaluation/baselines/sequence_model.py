"""The networks of the sequence baselines: SASRec and GRU4Rec.

SASRec (Kang and McAuley, 2018): two blocks of causal self-attention over the last items, with
learnt positions. GRU4Rec (Hidasi et al., 2016): a gated recurrent unit over them. Both share the
items' vectors between input and output, and ignore the user.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

KINDS = ("sasrec", "gru4rec")


@dataclass(frozen=True, slots=True)
class SequentialOptions:
    """Shape and training of a sequence model.

    Attributes:
        dim: length of the items' vectors and of the hidden states.
        window: last items of a history that count.
        blocks: blocks of SASRec's self-attention.
        heads: heads of SASRec's self-attention.
        dropout: dropout probability.
        rate: Adam's learning rate.
        batch: sequences of a step.
        epochs: epochs, at most.
        patience: epochs without a better validation after which training ends.
        full_softmax: largest catalogue with a softmax over all items.
        samples: items drawn per step for larger catalogues.
    """

    dim: int = 64
    window: int = 50
    blocks: int = 2
    heads: int = 2
    dropout: float = 0.2
    rate: float = 1e-3
    batch: int = 32
    epochs: int = 60
    patience: int = 5
    full_softmax: int = 4_096
    samples: int = 1_024


class SequenceModel(nn.Module):
    """A network from rows of items to a query for the next item.

    Args:
        kind: one of KINDS.
        items: number of known items; the unknown one is added.
        options: the network's shape.
    """

    def __init__(self, kind: str, items: int, options: SequentialOptions) -> None:
        super().__init__()
        dim = options.dim
        self.items = nn.Embedding(items + 1, dim)
        nn.init.normal_(self.items.weight, std=1 / math.sqrt(dim))
        self.dropout = nn.Dropout(options.dropout)
        self.reader: nn.Module
        self.places: nn.Parameter | None = None
        if kind == "sasrec":
            self.places = nn.Parameter(torch.randn(options.window, dim) * 0.02)
            layer = nn.TransformerEncoderLayer(
                dim, options.heads, dim, options.dropout, batch_first=True, norm_first=True
            )
            norm = nn.LayerNorm(dim)
            self.reader = nn.TransformerEncoder(layer, options.blocks, norm, False)
        else:
            self.reader = nn.GRU(dim, dim, 1, batch_first=True)
            # A hidden state lies in (-1, 1): queries need a scale that can be learnt.
            self.norm = nn.LayerNorm(dim)

    def read(self, rows: Tensor) -> Tensor:
        """Item rows [n, w], the oldest first, left-aligned, to a query at each place [n, w, d]."""
        x = self.items(rows)
        width = rows.shape[1]
        # The vectors, of length 1 at the start, are scaled: a reader learns little of small input.
        x = x * math.sqrt(x.shape[2])
        if self.places is None:
            hidden, _ = self.reader(self.dropout(x))
            return self.dropout(self.norm(hidden))  # type: ignore[no-any-return]
        x = self.dropout(x + self.places[:width])
        ahead = torch.ones(width, width, dtype=torch.bool, device=x.device).triu(1)
        return self.reader(x, mask=ahead, is_causal=True)  # type: ignore[no-any-return]

    def forward(self, histories: Tensor, lengths: Tensor, users: Tensor) -> Tensor:
        """Queries [n, d] of the next item; arguments as of `StateEncoder.forward`."""
        del users
        at = lengths.clamp_min(1) - 1
        return self.read(histories)[torch.arange(len(at), device=at.device), at]

    def vectors(self) -> Tensor:
        """The items' vectors [items + 1, d]."""
        return self.items.weight

    def repeat_scores(self, items: Tensor, lengths: Tensor) -> None:
        """No bonus for a row's own items."""
