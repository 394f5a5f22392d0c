"""Vectors of items, from the histories of a log: what models of the reward know of an item.

The singular vectors of the matrix of histories by items (a history's row has 1 / sqrt(n_a) for its
item a, which is in n_a histories), scaled to length 1: items that the same users go on to are near
each other (latent semantic indexing, Deerwester et al., 1990). Items without a vector have zeros.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import svds

from inference.models.ids import IdMap
from training.estimation.list_log import ListLog
from training.estimation.rows import Floats, Int64s

WIDTH = 16
MOST_HISTORIES = 50_000


@dataclass(frozen=True, slots=True, eq=False)
class ItemVectors:
    """Vectors of a log's items.

    Attributes:
        ids: the items; the last row is that of items without a vector.
        table: float64 [items + 1, d].
    """

    ids: IdMap
    table: Floats

    def means(self, log: ListLog) -> Floats:
        """The mean vector of each list's history, float64 [n, d]; zeros of an empty one."""
        return mean_vectors(self.table, self.ids.rows(log.history), log.history_length)


def mean_vectors(table: Floats, rows: Int64s, length: Int64s) -> Floats:
    """Means of rows of a table.

    Args:
        table: float64 [items + 1, d].
        rows: int64 [n, h], left-aligned.
        length: int64 [n], how many of a row's places count.

    Returns:
        float64 [n, d].
    """
    total = np.zeros((len(rows), table.shape[1]))
    for place in range(rows.shape[1]):
        total += np.where((place < length)[:, None], table[rows[:, place]], 0)
    return np.asarray(total / np.maximum(length, 1)[:, None])


def item_vectors(log: ListLog, seed: int = 0) -> ItemVectors:
    """Vectors of all items that the log shows or has in a history.

    Args:
        log: the log.
        seed: start of the iteration.
    """
    in_history = np.arange(log.history.shape[1]) < log.history_length[:, None]
    ids = IdMap(np.unique(np.concatenate([log.items[log.real], log.history[in_history]])))
    # Evenly over time, where there are more.
    step = -(-len(log) // MOST_HISTORIES)
    seen = ids.rows(log.history[::step])
    row, place = np.nonzero(in_history[::step])
    item = seen[row, place]
    counts = np.bincount(item, minlength=len(ids))
    width = min(WIDTH, len(ids) - 1, len(seen) - 1)
    table = np.zeros((len(ids) + 1, max(width, 0)))
    if width > 0 and len(item):
        value = 1 / np.sqrt(counts[item])
        matrix = sparse.csr_array((value, (row, item)), shape=(len(seen), len(ids)))
        start = np.random.default_rng(seed).normal(size=min(matrix.shape))
        _, _, right = svds(matrix, k=width, v0=start)
        length = np.sqrt((right**2).sum(axis=0))
        table[:-1] = np.where(length > 1e-12, right / np.maximum(length, 1e-12), 0).T
    return ItemVectors(ids, table)
