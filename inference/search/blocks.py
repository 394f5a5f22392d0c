"""Items in blocks of neighbouring rows, so that few blocks can be scored exactly."""

from __future__ import annotations

import torch
from torch import Tensor

from inference.search.quantize import EXCLUDED, keys_of, largest

CHUNK = 4096
"""Items that one matrix product scores; a chunk holds a whole number of blocks."""

_ITEMS_AT_ONCE = 1 << 14


class ItemBlocks:
    """Quantized items in blocks.

    Args:
        vectors: float32 [c, d], quantized; c is a multiple of CHUNK.
        rows: number of items, at most c; later vectors are padding.
        size: items in a block; divides CHUNK.
    """

    def __init__(self, vectors: Tensor, rows: int, size: int) -> None:
        self.vectors, self.rows, self.size = vectors, rows, size
        self.number = len(vectors) // size
        self._blocks = vectors.view(self.number, -1)
        self._member = torch.arange(size, device=vectors.device)

    def keys(
        self, queries: Tensor, blocks: Tensor, hidden: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Keys (float64) and rows (int64) of all items of one block per query, each [n, size].

        Rows that bool [rows] `hidden` has get the lowest keys, as padding does.
        """
        items = self._blocks.index_select(0, blocks).view(len(blocks), self.size, -1)
        # In this order of the operands bmm is seven times as fast.
        scores = torch.bmm(queries[:, None], items.transpose(1, 2)).squeeze(1)
        rows = blocks[:, None] * self.size + self._member
        beyond = rows >= self.rows
        if hidden is not None:
            beyond |= hidden[rows.clamp_max(self.rows - 1)]
        scores.masked_fill_(beyond, EXCLUDED)
        return keys_of(scores, rows), rows

    def best(
        self,
        queries: Tensor,
        blocks: Tensor,
        k: int,
        excluded: Tensor | None,
        hidden: Tensor | None = None,
    ) -> Tensor:
        """Keys of the k best items in each query's blocks, descending, float64 [n, k].

        Args:
            queries: float32 [n, d], quantized.
            blocks: int64 [n, b], with b * size >= k.
            k: number of items.
            excluded: int64 [n, e], rows not to return; None for none.
            hidden: bool [rows], rows not to return for any query; None for none.
        """
        n, each = blocks.shape
        best = torch.empty((n, k), dtype=torch.float64, device=queries.device)
        step = max(1, _ITEMS_AT_ONCE // (self.size * each))
        for start in range(0, n, step):
            part = slice(start, start + step)
            chosen = blocks[part]
            query = queries[part].repeat_interleave(each, dim=0)
            keys, _ = self.keys(query, chosen.flatten(), hidden)
            keys = keys.view(len(chosen), each, self.size)
            if excluded is not None:
                self._exclude(keys, chosen, excluded[part])
            best[part] = largest(keys.flatten(1), k)
        return best

    def _exclude(self, keys: Tensor, blocks: Tensor, excluded: Tensor) -> None:
        """Gives the excluded rows the lowest keys, in place."""
        present = blocks[:, None] == (excluded // self.size)[:, :, None]
        query, which, place = present.nonzero(as_tuple=True)
        row = excluded[query, which]
        keys[query, place, row % self.size] = keys_of(torch.full_like(row, int(EXCLUDED)), row)
