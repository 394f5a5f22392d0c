"""Items in groups of neighbouring rows, of which few are looked at exactly."""

from __future__ import annotations

import torch
from torch import Tensor

from inference.search.quantize import NEVER, keys_of, largest

CHUNK = 4096
"""Items that are multiplied at once; groups fill chunks."""

_ITEMS_AT_ONCE = 1 << 14


class ItemBlocks:
    """Items on the grid, in groups.

    Args:
        grid: float32 [c, d], c a multiple of CHUNK.
        rows: the items' number, below c.
        size: items in a group; divides CHUNK.
    """

    def __init__(self, grid: Tensor, rows: int, size: int) -> None:
        self.grid, self.rows, self.size = grid, rows, size
        self.number = len(grid) // size
        self._groups = grid.view(self.number, -1)
        self._member = torch.arange(size, device=grid.device)

    def keys(self, queries: Tensor, groups: Tensor) -> tuple[Tensor, Tensor]:
        """Keys (float64) and rows of all items in one group a query, each [n, size]."""
        items = self._groups.index_select(0, groups).view(len(groups), self.size, -1)
        # In this order the product is seven times as fast as in the other.
        scores = torch.bmm(queries[:, None], items.transpose(1, 2)).squeeze(1)
        rows = groups[:, None] * self.size + self._member
        scores.masked_fill_(rows >= self.rows, NEVER)
        return keys_of(scores, rows), rows

    def best(self, queries: Tensor, groups: Tensor, k: int, excluded: Tensor | None) -> Tensor:
        """Keys of the k best items in the query's groups, in falling order, [n, k].

        Args:
            queries: float32 [n, d], on the grid.
            groups: int64 [n, g], g * size >= k.
            k: how many.
            excluded: int64 [n, e], rows not to give; None for none.
        """
        n, each = groups.shape
        best = torch.empty((n, k), dtype=torch.float64, device=queries.device)
        step = max(1, _ITEMS_AT_ONCE // (self.size * each))
        for start in range(0, n, step):
            part = slice(start, start + step)
            some, barred = groups[part], None if excluded is None else excluded[part]
            query = queries[part].repeat_interleave(each, dim=0)
            keys, _ = self.keys(query, some.flatten())
            keys = keys.view(len(some), each, self.size)
            if barred is not None:
                there = some[:, None] == (barred // self.size)[:, :, None]
                user, which, place = there.nonzero(as_tuple=True)
                row = barred[user, which]
                keys[user, place, row % self.size] = keys_of(torch.full_like(row, int(NEVER)), row)
            best[part] = largest(keys.flatten(1), k)
        return best
