"""The items most similar to an item, by the cosine of a model's item embeddings.

A policy ranks by inner products with biases, which favour items that are popular. Similarity is of
the embeddings alone, each of norm 1. They are quantized (`inference.search.quantize`) and searched
as a policy searches, so that the lists are exact and equal on any machine.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from inference.search.item_index import ItemIndex
from inference.search.quantize import MAX_NORM, quantize_queries
from inference.search.threads import one_thread

Int64s = npt.NDArray[np.int64]


class SimilarItems:
    """An index over item embeddings.

    Args:
        embeddings: float32 [m + 1, d], on any device; the last row is the unknown item, which is
            never returned.
    """

    def __init__(self, embeddings: Tensor) -> None:
        with one_thread():
            self._vectors = quantize_queries(embeddings.detach().cpu().double())
            self._index = ItemIndex(self._vectors)

    def best(self, rows: Int64s, k: int) -> tuple[Int64s, npt.NDArray[np.float64]]:
        """The k items with the largest cosines for each item, best first, ties by the smaller row.

        Args:
            rows: int64 [n], rows of items in [0, m]; the item itself is not in its list.
            k: length of the lists.

        Returns:
            int64 [n, k], rows, m where a list has no more items; and float64 [n, k], their cosines
            from -1 to 1, of embeddings that are rounded. An item whose embedding is zero, and the
            unknown item, are similar to none.
        """
        at = torch.from_numpy(rows)
        queries = self._vectors[at]
        found, products = self._index.best_scored(queries, k, at[:, None])
        none = (queries == 0).all(1) | (at == self._index.rows)
        found.masked_fill_(none[:, None], self._index.rows)
        cosines = (products / MAX_NORM**2).clamp_(-1, 1)
        return found.numpy(), cosines.numpy()
