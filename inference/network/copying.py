"""Items that come again: what a policy adds to the scores of the items that a user just had.

An inner product can hardly say "what was there before": it would have to know every item by its
vector. So a policy may have one weight per place of its window, and one for every further time:
with r the last of the places that hold a, and n their number,

    score(a | s) = q(s) . v_a + w_r + (n - 1) u.

Where repeats are common the last items get ahead; where they never happen the weights go down,
and the vectors need not learn it.
"""

from __future__ import annotations

import copy
from typing import NamedTuple

import torch
from torch import Tensor, nn

from inference.search.item_index import ItemIndex
from inference.search.quantize import grid_scale, items_on_grid, queries_on_grid

_MOST = float(1 << 50)
"""A bonus counts up to this many units of the grid: a float64 holds the sum exactly."""


class Copies(NamedTuple):
    """What is added to the scores of some rows.

    Attributes:
        items: int64 [n, w], rows of the item table.
        bonus: [n, w], what each place adds to its item's score; 0 beyond a row's length.
    """

    items: Tensor
    bonus: Tensor

    def totals(self) -> Tensor:
        """The sum over all the places that hold the same item, at each place [n, w]."""
        same = self.items[:, :, None] == self.items[:, None, :]
        return (same * self.bonus[:, None, :]).sum(dim=2)

    def of(self, actions: Tensor) -> Tensor:
        """What is added to the scores of items int64 [n, k], [n, k]."""
        return ((actions[:, :, None] == self.items[:, None, :]) * self.bonus[:, None, :]).sum(dim=2)

    def firsts(self, unknown: int) -> Tensor:
        """Which places hold a known item that no place before it holds, bool [n, w]."""
        same = self.items[:, :, None] == self.items[:, None, :]
        return ~same.tril(-1).any(dim=2) & (self.items != unknown)


class CopyWeights(nn.Module):
    """The weights w_r, r = 0 the window's last place, and u.

    Args:
        window: how many places.
    """

    def __init__(self, window: int) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.zeros(window))
        self.again = nn.Parameter(torch.zeros(()))

    def forward(self, items: Tensor, lengths: Tensor) -> Copies:
        """The copies of rows [n, w] of `lengths` [n], as `StateEncoder.forward` takes them."""
        place = lengths[:, None] - 1 - torch.arange(items.shape[1], device=items.device)
        return self.at(items, place)

    def at(self, items: Tensor, place: Tensor) -> Copies:
        """The copies of items [n, w] at places [n, w] from the end; below 0 is no place."""
        bonus = torch.where(last_places(items, place), self.weights[place.clamp_min(0)], self.again)
        return Copies(items, bonus.masked_fill(place < 0, 0.0))


def last_places(items: Tensor, place: Tensor) -> Tensor:
    """Whether no place nearer to the end holds the same item, bool [n, w]; as `CopyWeights.at`."""
    nearer = (place[:, None, :] < place[:, :, None]) & (place[:, None, :] >= 0)
    return ~((items[:, :, None] == items[:, None, :]) & nearer).any(dim=2)


class InferenceCopies:
    """Lists with copies: as exact as those of `ItemIndex.best`, and with the same ties.

    Args:
        weights: as they were learnt.
        vectors: [m + 1, d], the items' vectors.
        catalogue: of these on the grid.
    """

    def __init__(self, weights: CopyWeights, vectors: Tensor, catalogue: ItemIndex) -> None:
        self._catalogue = catalogue
        self._grid = items_on_grid(vectors)
        self._scale = grid_scale(vectors)
        self._weights = copy.deepcopy(weights).double()

    def best(self, queries: Tensor, k: int, items: Tensor, lengths: Tensor) -> Tensor:
        """The k items with the largest scores.

        Args:
            queries: float64 [n, d], as the head gave them.
            k: how many.
            items: int64 [n, w], rows of the item table, the latest first.
            lengths: int64 [n], how many of them there are.

        Returns:
            Rows int64 [n, k], m where there are no more.
        """
        place = torch.arange(items.shape[1], device=items.device).expand_as(items)
        place = place.masked_fill(place >= lengths[:, None], -1)
        had, bonus = self._weights.at(items.masked_fill(place < 0, self._catalogue.rows), place)
        copies = Copies(had, bonus * self._scale * grid_scale(queries, each=True))
        return best_with_copies(self._catalogue, self._grid, queries_on_grid(queries), k, copies)


def best_with_copies(
    catalogue: ItemIndex, grid: Tensor, queries: Tensor, k: int, copies: Copies
) -> Tensor:
    """As `ItemIndex.best`, with copies added to the scores: as exact, and with the same ties.

    Args:
        catalogue: of the items on the grid.
        grid: float32 [m + 1, d], the same items.
        queries: float32 [n, d] on the grid.
        k: how many.
        copies: with bonuses in units of the grid's scores.
    """
    m = catalogue.rows
    # All but the window's items have no bonus; the window's few are scored by themselves.
    others = catalogue.best(queries, k, copies.items)
    rows = torch.cat([others, copies.items], dim=1)
    scores = torch.bmm(grid[rows], queries[:, :, None]).squeeze(2).double()
    scores[:, k:] += copies.totals().clamp(-_MOST, _MOST).round()
    given = torch.cat([others != m, copies.firsts(m)], dim=1)
    scores.masked_fill_(~given, -torch.inf)
    # By row first, so that a stable sort leaves equal scores in that order.
    rows, order = rows.sort(dim=1)
    scores, best = scores.gather(1, order).sort(dim=1, descending=True, stable=True)
    return rows.gather(1, best).masked_fill_(scores == -torch.inf, m)[:, :k]
