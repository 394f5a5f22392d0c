"""The k best items by inner product, exactly, and equal wherever and however it is computed.

Items stand in groups of neighbouring rows. The k best items lie in the k groups whose best items
are best: so the maxima of groups lead to the top, and only the items of few groups are sorted.
Equal scores go to the smaller row, of groups too.
"""

from __future__ import annotations

import torch
from torch import Tensor

from inference.search.blocks import CHUNK, ItemBlocks
from inference.search.int8_search import Int8Search, has_fast_bytes
from inference.search.quantize import NEVER, keys_of, largest, rows_and_scores

_SCORES_PER_BLOCK = 1 << 18
_GROUP = 32
_LARGE = 1 << 14


class ItemIndex:
    """Items to rank.

    Args:
        grid: float32 [m + 1, d], items on the grid (`inference.search.quantize`); the last row is
        the
            unknown item, which is never given.
    """

    def __init__(self, grid: Tensor) -> None:
        self.device = grid.device
        self.rows = len(grid) - 1
        self._search: _AllScores | _Maxima | Int8Search
        if self.rows <= _LARGE:
            self._search = _AllScores(grid)
            return
        padded = grid.new_zeros(((self.rows // CHUNK + 1) * CHUNK, grid.shape[1]))
        padded[: self.rows] = grid[:-1]
        maxima = _Maxima(padded, self.rows)
        fast = self.device.type == "cpu" and has_fast_bytes()
        self._search = Int8Search(padded, self.rows, maxima.keys) if fast else maxima

    def best(self, queries: Tensor, k: int, excluded: Tensor | None) -> Tensor:
        """The k items with the largest inner products, best first, ties by the smaller row.

        Args:
            queries: float32 [n, d] on the grid.
            k: how many.
            excluded: int64 [n, e], rows not to give, m for none; None for none at all.

        Returns:
            Rows int64 [n, k], m where there are no more.
        """
        n, found = len(queries), min(k, self.rows)
        best = torch.full((n, k), self.rows, dtype=torch.int64, device=self.device)
        for start in range(0, n, self._search.block):
            part = slice(start, start + self._search.block)
            keys = self._search.keys(
                queries[part], found, None if excluded is None else excluded[part]
            )
            rows, scores = rows_and_scores(keys)
            best[part, : rows.shape[1]] = rows.masked_fill_(scores == NEVER, self.rows)
        return best


class _AllScores:
    """Makes all the scores: for catalogues of which many users' scores fit the cache."""

    def __init__(self, grid: Tensor) -> None:
        self._rows = len(grid) - 1
        self._members = 8 if self._rows < 1 << 12 else 16
        self._groups = -(-len(grid) // self._members)
        # Columns of scores: the first of each group, then the second of each, and so on; maxima
        # are then those of whole vectors.
        shape = (self._groups, self._members, grid.shape[1])
        padded = grid.new_zeros((shape[0] * shape[1], shape[2]))
        padded[: len(grid)] = grid
        self._columns = padded.view(shape).transpose(0, 1).reshape(padded.shape).T.contiguous()
        at = torch.arange(self._rows, len(padded), device=grid.device)
        self._beyond = self._column(at)
        self._group = torch.arange(self._groups, device=grid.device)
        self._member = torch.arange(self._members, device=grid.device)[:, None]
        self.block = max(16, _SCORES_PER_BLOCK // len(padded))
        if grid.device.type != "cpu":
            self.block *= 64

    def _column(self, rows: Tensor) -> Tensor:
        group = torch.div(rows, self._members, rounding_mode="floor")
        return (rows - group * self._members) * self._groups + group

    def keys(self, queries: Tensor, k: int, excluded: Tensor | None) -> Tensor:
        """Keys of the k best, in falling order."""
        scores = queries @ self._columns
        scores.index_fill_(1, self._beyond, NEVER)
        if excluded is not None:
            scores.scatter_(1, self._column(excluded), NEVER)
        maxima = scores.view(-1, self._members, self._groups).amax(dim=1)
        chosen, _ = rows_and_scores(largest(keys_of(maxima, self._group), k))
        columns = (chosen[:, None] + self._member * self._groups).flatten(1)
        rows = (chosen[:, None] * self._members + self._member).flatten(1)
        return largest(keys_of(scores.gather(1, columns), rows), k)


class _Maxima:
    """Never holds all the scores, just the maxima of groups; then scores the best groups anew.

    Args:
        grid: float32 [c, d], c a multiple of CHUNK.
        rows: the items' number, below c.
    """

    block = 256

    def __init__(self, grid: Tensor, rows: int) -> None:
        self._groups = ItemBlocks(grid, rows, _GROUP)

    def keys(self, queries: Tensor, k: int, excluded: Tensor | None) -> Tensor:
        """Keys of the k best, in falling order."""
        groups = self._groups
        maxima = queries.new_empty((len(queries), groups.number))
        for start in range(0, len(groups.grid), CHUNK):
            scores = queries @ groups.grid[start : start + CHUNK].T
            scores[:, max(0, groups.rows - start) :] = NEVER
            into = maxima[:, start // _GROUP : (start + CHUNK) // _GROUP]
            torch.amax(scores.view(len(queries), -1, _GROUP), dim=2, out=into)
        # With e items left out, the best are in the k + e best groups.
        wanted = k + (0 if excluded is None else excluded.shape[1])
        group = torch.arange(groups.number, device=maxima.device)
        chosen, _ = rows_and_scores(largest(keys_of(maxima, group), wanted))
        return groups.best(queries, chosen, k, excluded)
