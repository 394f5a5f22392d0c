"""Exact search for the k best items by inner product, with equal results on any machine.

Items are grouped in blocks of neighbouring rows. The k best items lie in the k blocks whose maxima
are largest, so block maxima select the blocks, and only the items of these are sorted. Ties go to
the smaller row, for items and for blocks.
"""

from __future__ import annotations

import torch
from torch import Tensor

from inference.search.blocks import CHUNK, ItemBlocks
from inference.search.int8_search import Int8Search
from inference.search.int8_support import has_fast_int8
from inference.search.quantize import EXCLUDED, keys_of, largest, rows_and_scores

_SCORES_PER_BATCH = 1 << 18
_BLOCK_SIZE = 32
_LARGE = 1 << 14
"""From this many items on, the scores of all items are never held at once."""


class ItemIndex:
    """An index over quantized item vectors.

    Args:
        vectors: float32 [m + 1, d], quantized (`inference.search.quantize`); the last row is the
            unknown item, which is never returned.
    """

    def __init__(self, vectors: Tensor) -> None:
        self.device = vectors.device
        self.rows = len(vectors) - 1
        self._search: _AllScores | _BlockMaxima | Int8Search
        if self.rows <= _LARGE:
            self._search = _AllScores(vectors)
            return
        padded = vectors.new_zeros(((self.rows // CHUNK + 1) * CHUNK, vectors.shape[1]))
        padded[: self.rows] = vectors[:-1]
        maxima = _BlockMaxima(padded, self.rows)
        fast = self.device.type == "cpu" and has_fast_int8()
        self._search = Int8Search(padded, self.rows, maxima.keys) if fast else maxima

    def best(
        self, queries: Tensor, k: int, excluded: Tensor | None, hidden: Tensor | None = None
    ) -> Tensor:
        """As `best_scored`, without the scores."""
        return self.best_scored(queries, k, excluded, hidden)[0]

    def best_scored(
        self, queries: Tensor, k: int, excluded: Tensor | None, hidden: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """The k items with the largest inner products, best first, ties by the smaller row.

        Args:
            queries: float32 [n, d], quantized.
            k: length of the lists.
            excluded: int64 [n, e], rows not to return, m for none; None for no exclusions.
            hidden: bool [m], rows not to return for any query; None for no such rows.

        Returns:
            int64 [n, k], rows, m where a list has no more items; and float64 [n, k], their inner
            products.
        """
        n, found = len(queries), min(k, self.rows)
        best = torch.full((n, k), self.rows, dtype=torch.int64, device=self.device)
        products = torch.full((n, k), EXCLUDED, dtype=torch.float64, device=self.device)
        for start in range(0, n, self._search.batch):
            part = slice(start, start + self._search.batch)
            keys = self._search.keys(
                queries[part], found, None if excluded is None else excluded[part], hidden
            )
            rows, scores = rows_and_scores(keys)
            best[part, : rows.shape[1]] = rows.masked_fill_(scores == EXCLUDED, self.rows)
            products[part, : rows.shape[1]] = scores
        return best, products


class _AllScores:
    """Computes all scores: for catalogues whose scores for many queries fit the cache."""

    def __init__(self, vectors: Tensor) -> None:
        self._rows = len(vectors) - 1
        self._members = 8 if self._rows < 1 << 12 else 16
        self._blocks = -(-len(vectors) // self._members)
        # The scores' columns hold the first item of each block, then the second of each, and so
        # on: block maxima are then maxima of contiguous vectors.
        shape = (self._blocks, self._members, vectors.shape[1])
        padded = vectors.new_zeros((shape[0] * shape[1], shape[2]))
        padded[: len(vectors)] = vectors
        self._columns = padded.view(shape).transpose(0, 1).reshape(padded.shape).T.contiguous()
        device = vectors.device
        self._padding = self._column(torch.arange(self._rows, len(padded), device=device))
        self._block = torch.arange(self._blocks, device=device)
        self._member = torch.arange(self._members, device=device)[:, None]
        self.batch = max(16, _SCORES_PER_BATCH // len(padded))
        if device.type != "cpu":
            self.batch *= 64

    def _column(self, rows: Tensor) -> Tensor:
        block = torch.div(rows, self._members, rounding_mode="floor")
        return (rows - block * self._members) * self._blocks + block

    def keys(
        self, queries: Tensor, k: int, excluded: Tensor | None, hidden: Tensor | None = None
    ) -> Tensor:
        """Keys of the k best items, descending."""
        scores = queries @ self._columns
        scores.index_fill_(1, self._padding, EXCLUDED)
        if hidden is not None:
            scores.index_fill_(1, self._column(hidden.nonzero().squeeze(1)), EXCLUDED)
        if excluded is not None:
            scores.scatter_(1, self._column(excluded), EXCLUDED)
        maxima = scores.view(-1, self._members, self._blocks).amax(dim=1)
        chosen, _ = rows_and_scores(largest(keys_of(maxima, self._block), k))
        columns = (chosen[:, None] + self._member * self._blocks).flatten(1)
        rows = (chosen[:, None] * self._members + self._member).flatten(1)
        return largest(keys_of(scores.gather(1, columns), rows), k)


class _BlockMaxima:
    """Keeps only the maxima of blocks, then scores the best blocks a second time.

    Args:
        vectors: float32 [c, d], quantized; c is a multiple of CHUNK.
        rows: number of items, at most c.
    """

    batch = 256

    def __init__(self, vectors: Tensor, rows: int) -> None:
        self._blocks = ItemBlocks(vectors, rows, _BLOCK_SIZE)

    def keys(
        self, queries: Tensor, k: int, excluded: Tensor | None, hidden: Tensor | None = None
    ) -> Tensor:
        """Keys of the k best items, descending."""
        blocks = self._blocks
        maxima = queries.new_empty((len(queries), blocks.number))
        for start in range(0, len(blocks.vectors), CHUNK):
            scores = queries @ blocks.vectors[start : start + CHUNK].T
            scores[:, max(0, blocks.rows - start) :] = EXCLUDED
            if hidden is not None:
                part = hidden[start : start + CHUNK]
                scores[:, : len(part)].masked_fill_(part, EXCLUDED)
            into = maxima[:, start // _BLOCK_SIZE : (start + CHUNK) // _BLOCK_SIZE]
            torch.amax(scores.view(len(queries), -1, _BLOCK_SIZE), dim=2, out=into)
        # With e excluded items, the best k lie in the best k + e blocks.
        wanted = k + (0 if excluded is None else excluded.shape[1])
        block = torch.arange(blocks.number, device=maxima.device)
        chosen, _ = rows_and_scores(largest(keys_of(maxima, block), wanted))
        return blocks.best(queries, chosen, k, excluded, hidden)
