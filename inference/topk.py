"""The k best items by inner product, exactly, and equal wherever and however it is computed.

Sums of floats depend on their order, and a matrix library picks the order by the shape of the
batch and by the machine. So queries and items are rounded to whole numbers on a grid whose
inner products fit the 24 bits of a float32: by Cauchy and Schwarz every partial sum is at
most |q||e| < 2^24, hence exact in any order. Equal scores go to the smaller row.
"""

from __future__ import annotations

import torch
from torch import Tensor

GRID_NORM = 4080.0
"""Length of the longest vector on the grid; rounding adds at most 0.5 sqrt(d), d < 900."""

_SCORES_PER_BLOCK = 1 << 21
_ROWS_PER_BLOCK = 1024
_GROUP = 32
_LARGE = 1 << 16


def items_on_grid(items: Tensor) -> Tensor:
    """Item vectors [m, d] scaled together and rounded to whole numbers, float32 [m, d]."""
    longest = items.double().norm(dim=1).max().clamp_min(1e-30)
    grid: Tensor = (items.double() * (GRID_NORM / longest)).round().float()
    return grid


def queries_on_grid(queries: Tensor) -> Tensor:
    """Queries float64 [n, d], each scaled to the grid's norm (its ranking stays), float32 [n, d].

    A zero query stays zero: all of its items tie.
    """
    norms = queries.norm(dim=1, keepdim=True).clamp_min(1e-30)
    grid: Tensor = (queries * (GRID_NORM / norms)).round().float()
    return grid


def best_items(
    queries: Tensor, items: Tensor, k: int, excluded: Tensor | None
) -> tuple[Tensor, Tensor]:
    """The k items with the largest inner products, best first, ties by the smaller row.

    Args:
        queries: float32 [n, d] on the grid.
        items: float32 [m + 1, d] on the grid; the last row (the unknown item) is never given.
        k: how many.
        excluded: int64 [n, e], rows of `items` not to give, m for none; None for none at all.

    Returns:
        Rows int64 [n, k], m where there are no more, and how many there are, int64 [n].
    """
    n, m = len(queries), len(items) - 1
    best = torch.full((n, k), m, dtype=torch.int64, device=queries.device)
    many = m > _LARGE and k < m // (4 * _GROUP)
    rows = max(16, min(_ROWS_PER_BLOCK, _SCORES_PER_BLOCK // len(items)))
    rows = _ROWS_PER_BLOCK if many else rows
    for start in range(0, n, rows):
        block = slice(start, start + rows)
        left_out = None if excluded is None else excluded[block]
        rank = _rank_many if many else _rank_all
        found = rank(queries[block], items, k, left_out)
        best[block, : found.shape[1]] = found
    return best, (best < m).sum(dim=1)


def _rank_all(queries: Tensor, items: Tensor, k: int, excluded: Tensor | None) -> Tensor:
    scores = queries @ items.T
    scores[:, -1] = -torch.inf
    if excluded is not None:
        scores.scatter_(1, excluded, -torch.inf)
    # One more than asked for shows whether the last place is contested.
    values, index = torch.topk(scores, min(k + 1, scores.shape[1]), dim=1)
    tied = (values[:, 1:] == values[:, :-1]).any(dim=1).nonzero().flatten()
    if len(tied):
        keys = _keys(scores[tied], torch.arange(scores.shape[1], device=scores.device))
        index[tied] = torch.topk(keys, index.shape[1], dim=1).indices
    index[values == -torch.inf] = len(items) - 1
    return index[:, :k]


def _keys(scores: Tensor, rows: Tensor) -> Tensor:
    """Float64 keys, exact and all different: by score, then by the smaller row."""
    return scores.double() * float(1 << 28) - rows


def _rank_many(queries: Tensor, items: Tensor, k: int, excluded: Tensor | None) -> Tensor:
    """As `_rank_all`, without ever holding all the scores: the maxima of groups lead to the top.

    The k best items lie in the k groups with the largest maxima, once the items left out are
    allowed for: with e of them, in the k + e best groups.
    """
    m = len(items) - 1
    groups = -(-m // _GROUP)
    maxima = torch.empty((len(queries), groups), device=queries.device)
    step = _GROUP * max(1, _SCORES_PER_BLOCK // (_GROUP * len(queries)))
    for start in range(0, m, step):
        scores = queries @ items[start : min(start + step, m)].T
        if scores.shape[1] % _GROUP:
            short = _GROUP - scores.shape[1] % _GROUP
            scores = torch.nn.functional.pad(scores, (0, short), value=-torch.inf)
        at = start // _GROUP
        grouped = scores.view(len(queries), -1, _GROUP).amax(dim=2)
        maxima[:, at : at + grouped.shape[1]] = grouped
    wanted = k + (0 if excluded is None else excluded.shape[1])
    keys = _keys(maxima, torch.arange(groups, device=maxima.device))
    chosen = torch.topk(keys, min(wanted, groups), dim=1).indices.sort(dim=1).values
    rows = (chosen[:, :, None] * _GROUP + torch.arange(_GROUP, device=chosen.device)).flatten(1)
    rows = rows.clamp_max(m)
    scores = torch.bmm(items[rows], queries[:, :, None]).squeeze(2)
    scores[rows == m] = -torch.inf
    if excluded is not None:
        for column in excluded.T:
            scores[rows == column[:, None]] = -torch.inf
    values, index = torch.topk(_keys(scores, rows), k, dim=1)
    return rows.gather(1, index).masked_fill(values == -torch.inf, m)
