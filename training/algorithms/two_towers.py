"""Two towers: users and items, each from its id and side features to one vector.

DSSM (Huang et al., 2013) with the loss of Yi et al. (2019), "Sampling-bias-corrected neural
modeling for large corpus item recommendations": the negatives of a pair are the other items of
its batch, B. An item occurs there with its popularity Q(i), so that a plain softmax would lower
the scores of popular items. With s(u, i) = <x_u, y_i> / tau, an unbiased estimate of the sum over
all items is

    exp s(u, i) + sum over j in B, j != i, of exp(s(u, j) - log(n Q(j)))

where n is the number of pairs in the batch less one. The pair's own item counts once and without
correction, so that its score is exact. (Yi et al. correct it like the others and count each of
its occurrences: the same expectation with more variance.)
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from training.datasets.side_features import SideFeatures


class Tower(nn.Module):
    """Ids to vectors of length 1.

    Args:
        side: the features of each row of the id table.
        dim: length of the vectors.
        dropout: share of the ids that are replaced by the unknown id in training, so that its row
            is learnt, and rare ids are learnt from their side features.
    """

    def __init__(self, side: SideFeatures, dim: int, dropout: float) -> None:
        super().__init__()
        self.dropout = dropout
        self.unknown = len(side.codes) - 1
        self.codes: Tensor
        self.register_buffer("codes", torch.from_numpy(side.codes))
        # A feature without known values would be a constant.
        self.used = [at for at, size in enumerate(side.sizes) if size > 1]
        self.ids = nn.Embedding(len(side.codes), dim)
        self.features = nn.ModuleList(nn.Embedding(side.sizes[at], dim) for at in self.used)
        self.wide = nn.Linear(dim * (1 + len(self.used)), 2 * dim)
        self.narrow = nn.Linear(2 * dim, dim)
        for table in (self.ids, *self.features):
            nn.init.normal_(table.weight, std=dim**-0.5)

    def forward(self, rows: Tensor) -> Tensor:
        """Rows of the id table, int64 [n], to unit vectors [n, dim]."""
        given = rows
        if self.training and self.dropout:
            hidden = torch.rand(len(rows), device=rows.device) < self.dropout
            given = rows.masked_fill(hidden, self.unknown)
        codes = self.codes[rows]
        embedded = [self.ids(given)]
        embedded += [
            table(codes[:, at]) for at, table in zip(self.used, self.features, strict=True)
        ]
        # The sum is a residual connection around the layers.
        mixed = self.narrow(self.wide(torch.cat(embedded, dim=1)).relu())
        return functional.normalize(torch.stack(embedded).sum(dim=0) + mixed, dim=1)


def sampled_softmax_loss(
    users: Tensor, items: Tensor, rows: Tensor, log_q: Tensor, temperature: float
) -> Tensor:
    """The mean loss of a batch of pairs against the batch's other items.

    Args:
        users: [n, dim], the users' vectors.
        items: [n, dim], the vectors of the pairs' items.
        rows: int64 [n], the items' rows: another occurrence of the pair's own item is no negative.
        log_q: [n], log of the probability of each item in a batch.
        temperature: tau.

    Returns:
        A scalar.
    """
    logits = users @ items.T / temperature
    own = torch.eye(len(rows), dtype=torch.bool, device=rows.device)
    corrected = logits - log_q - math.log(max(1, len(rows) - 1))
    twin = (rows[:, None] == rows) & ~own
    target = torch.arange(len(rows), device=rows.device)
    logits = torch.where(own, logits, corrected).masked_fill(twin, -torch.inf)
    return functional.cross_entropy(logits, target)
