"""Exact search in large catalogues: 8-bit products select blocks, exact products select items.

Items and queries are rounded once more, to 8 bits a coordinate. With e = c + S (ê + ε), where ê is
an integer vector and S is diagonal, and S q = t q̂ + r, an item's score is

    q'e = q'c + t q̂'ê + r'ê + (S q)'ε.

The processor's 8-bit instructions compute t q̂'ê. The last two terms are at most
δ = |r| max|ê| + |S q| max|ε|, by Cauchy and Schwarz. The maxima of q̂'ê over blocks of items
give some good items. The exact score of the k-th of these, less δ, bounds the other blocks: a block
whose maximum is lower cannot hold one of the k best items. So the result is exact. Where too many
blocks pass the bound, for instance because all items are alike, exact block maxima are used.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import torch
from torch import Tensor

from inference.search.blocks import CHUNK, ItemBlocks
from inference.search.int8_support import LEVELS, int8_matmul
from inference.search.quantize import EXCLUDED, keys_of, largest, rows_and_scores

_BLOCK_SIZE = 16
_BLOCKS_PER_CHUNK = CHUNK // _BLOCK_SIZE
_BLOCKS_PER_SUPER = 32
_FIRST_EXCLUDED = 16
_MAX_SUPERS = 1 << 9
_PAIRS_AT_ONCE = 1 << 10
_LOWEST = torch.iinfo(torch.int32).min


class Int8Search:
    """Searches items in 8 bits, and verifies in float32.

    Args:
        vectors: float32 [c, d], quantized items; c is a multiple of CHUNK.
        rows: number of items, at most c.
        fallback: computes the keys of queries for which too many blocks pass the bound, with the
            arguments of `keys`.
    """

    batch = 128

    def __init__(self, vectors: Tensor, rows: int, fallback: Callable[..., Tensor]) -> None:
        self._fallback = fallback
        items, dim = vectors[:rows], vectors.shape[1]
        self._centre = ((items.amin(0) + items.amax(0)) / 2).floor().double()
        reach = torch.maximum(items.amax(0) - self._centre, self._centre - items.amin(0))
        self._steps = reach.clamp_min(1e-9) / LEVELS
        chunks = len(vectors) // CHUNK
        self._width = -(-dim // 4) * 4
        codes = torch.zeros((chunks * CHUNK, self._width), dtype=torch.int8)
        self._longest_code = self._largest_error = 0.0
        for start in range(0, rows, CHUNK):
            exact = (items[start : start + CHUNK] - self._centre) / self._steps
            code = exact.round()
            codes[start : start + len(code), :dim] = code.to(torch.int8)
            self._longest_code = max(self._longest_code, _longest(code))
            self._largest_error = max(self._largest_error, _longest(exact - code))
        # Padding repeats an item's code, so that it cannot raise a maximum.
        codes[rows:] = codes[0]
        # A chunk holds the first item of each of its blocks, then the second of each, and so on:
        # block maxima are then maxima of contiguous vectors.
        parts = codes.view(chunks, _BLOCKS_PER_CHUNK, _BLOCK_SIZE, self._width).transpose(1, 2)
        self._codes = parts.reshape(chunks, CHUNK, self._width).transpose(1, 2)
        self._blocks = ItemBlocks(vectors, rows, _BLOCK_SIZE)
        self._thread = threading.local()

    def keys(
        self, queries: Tensor, k: int, excluded: Tensor | None, hidden: Tensor | None = None
    ) -> Tensor:
        """Keys of the k best items, descending."""
        codes, unit, error = self._encode(queries)
        maxima, supers = self._maxima(codes)
        count = k if excluded is None else k + min(excluded.shape[1], _FIRST_EXCLUDED)
        chosen = _best_blocks(maxima, supers, count)
        keys = self._blocks.best(queries, chosen, k, excluded, hidden)
        _, score = rows_and_scores(keys[:, -1])
        bound = (score - queries.double() @ self._centre - error) / unit - 1
        passing = supers >= bound[:, None]
        too_many = (score == EXCLUDED) | (passing.sum(dim=1) > _MAX_SUPERS)
        passing[too_many] = False
        maxima.scatter_(1, chosen, _LOWEST)
        query, block = _blocks_above(passing, maxima, bound)
        keys = self._merge(queries, keys, query, block, excluded, hidden)
        if too_many.any():
            some = None if excluded is None else excluded[too_many]
            keys[too_many] = self._fallback(queries[too_many], k, some, hidden)
        return keys

    def _encode(self, queries: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries in 8 bits [n, width]; t and δ of the module's formula, float64 [n]."""
        stretched = queries.double() * self._steps
        unit = stretched.abs().amax(dim=1).clamp_min(1e-30) / LEVELS
        rounded = (stretched / unit[:, None]).round()
        rest = (stretched - rounded * unit[:, None]).norm(dim=1)
        error = rest * self._longest_code + stretched.norm(dim=1) * self._largest_error
        codes = torch.zeros((len(queries), self._width), dtype=torch.int8)
        codes[:, : rounded.shape[1]] = rounded.to(torch.int8)
        # Rounding in float64 is far below a millionth.
        return codes, unit, error * (1 + 1e-6)

    def _maxima(self, codes: Tensor) -> tuple[Tensor, Tensor]:
        """Maxima of each block, and of each super-block s (blocks s, s + S, ..., of S supers)."""
        n = len(codes)
        maxima, products = (buffer[:n] for buffer in self._buffers())
        parts = torch.split(maxima, _BLOCKS_PER_CHUNK, dim=1)
        for items, part in zip(self._codes, parts, strict=True):
            int8_matmul(codes, items, out=products)
            torch.amax(products.view(n, _BLOCK_SIZE, _BLOCKS_PER_CHUNK), dim=1, out=part)
        return maxima, maxima.view(n, _BLOCKS_PER_SUPER, -1).amax(dim=1)

    def _buffers(self) -> tuple[Tensor, Tensor]:
        """Buffers of the calling thread: allocating them takes as long as the products."""
        if not hasattr(self._thread, "buffers"):
            self._thread.buffers = (
                torch.empty((self.batch, len(self._codes) * _BLOCKS_PER_CHUNK), dtype=torch.int32),
                torch.empty((self.batch, CHUNK), dtype=torch.int32),
            )
        return self._thread.buffers  # type: ignore[no-any-return]

    def _merge(
        self,
        queries: Tensor,
        keys: Tensor,
        query: Tensor,
        block: Tensor,
        excluded: Tensor | None,
        hidden: Tensor | None,
    ) -> Tensor:
        """The k best of `keys` and of the items of further blocks; `query` [p] ascends."""
        places, found = [], []
        for start in range(0, len(query), _PAIRS_AT_ONCE):
            place = query[start : start + _PAIRS_AT_ONCE]
            blocks = block[start : start + _PAIRS_AT_ONCE]
            more, rows = self._blocks.keys(queries[place], blocks, hidden)
            better = more > keys[place, -1:]
            if excluded is not None:
                pair, member = better.nonzero(as_tuple=True)
                hit = (excluded[place[pair]] == rows[pair, member, None]).any(dim=1)
                better[pair[hit], member[hit]] = False
            places.append(place[better.nonzero(as_tuple=True)[0]])
            found.append(more[better])
        if not places:
            return keys
        at = torch.cat(places)
        counts = torch.bincount(at, minlength=len(keys))
        column = torch.arange(len(at)) - (counts.cumsum(0) - counts)[at]
        longer = keys.new_full((len(keys), keys.shape[1] + int(counts.max())), -torch.inf)
        longer[:, : keys.shape[1]] = keys
        longer[at, keys.shape[1] + column] = torch.cat(found)
        return largest(longer, keys.shape[1])


def _longest(vectors: Tensor) -> float:
    return float(vectors.square().sum(dim=1).max().sqrt())


def _best_blocks(maxima: Tensor, supers: Tensor, count: int) -> Tensor:
    """The blocks with the largest maxima, int64 [n, count]."""
    total = supers.shape[1]
    chosen, _ = rows_and_scores(largest(keys_of(supers, torch.arange(total)), count))
    blocks = (chosen[:, None] + torch.arange(_BLOCKS_PER_SUPER)[:, None] * total).flatten(1)
    return rows_and_scores(largest(keys_of(maxima.gather(1, blocks), blocks), count))[0]


def _blocks_above(passing: Tensor, maxima: Tensor, bound: Tensor) -> tuple[Tensor, Tensor]:
    """Queries and blocks whose maximum is at least the query's bound; queries ascend.

    Args:
        passing: bool [n, s], the super-blocks to look into.
        maxima: int32 [n, 32 s].
        bound: float64 [n].
    """
    query, first = passing.nonzero(as_tuple=True)
    blocks = first[:, None] + torch.arange(_BLOCKS_PER_SUPER) * passing.shape[1]
    above = maxima[query[:, None], blocks] >= bound[query, None]
    pair, member = above.nonzero(as_tuple=True)
    return query[pair], blocks[pair, member]
