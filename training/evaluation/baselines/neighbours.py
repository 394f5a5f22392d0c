"""Nearest neighbours by co-occurrence: of items (ItemKNN) and of sessions (VSKNN).

Both multiply by the sparse matrix of baskets and items and never build a matrix of items by items.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from inference.models.ids import IdMap
from training.datasets.sequences import TEST, Sequences
from training.evaluation.baselines.scores import best_of, history_rows
from training.evaluation.queries import Block
from transforms.messages.ranked_lists import RankedLists


def baskets(sequences: Sequences, basket: npt.NDArray[np.int64]) -> Tensor:
    """The items of each basket: sparse float32 [baskets, items] of ones.

    Args:
        sequences: all users' events; only those before each user's split count.
        basket: int64 [n], the basket of each event, from 0.
    """
    size = len(sequences.items)
    before = sequences.split != TEST
    pairs = np.unique(basket[before] * size + sequences.item[before])
    place = torch.from_numpy(np.stack([pairs // size, pairs % size]))
    shape = (int(basket.max()) + 1, size)
    return torch.sparse_coo_tensor(place, torch.ones(len(pairs)), shape).coalesce()


def _recency(rows: npt.NDArray[np.int64], lengths: npt.NDArray[np.int64], last: int) -> Tensor:
    """The weight of each place of a history, [n, h]: 1 for the last, falling linearly to 0."""
    age = lengths[:, None] - 1 - np.arange(rows.shape[1])
    weights = np.where((age >= 0) & (age < last), 1.0 - age / last, 0.0)
    return torch.from_numpy(weights.astype(np.float32))


def spread(items: IdMap, rows: npt.NDArray[np.int64], weights: Tensor) -> Tensor:
    """Weights by place to weights by item, [items, n]; repeated items keep the largest."""
    wide = torch.zeros(len(rows), len(items) + 1)
    wide.scatter_reduce_(1, torch.from_numpy(rows), weights, reduce="amax")
    return wide[:, :-1].T.contiguous()


class ItemNeighbours:
    """ItemKNN (Sarwar et al., 2001): cosine between items over users, summed over the history.

    Args:
        sequences: all users' events.
        last: number of last events that count, with weights that fall linearly.
    """

    def __init__(self, sequences: Sequences, last: int = 50) -> None:
        self._items = sequences.items
        self._last = last
        self._baskets = baskets(sequences, sequences.user)
        self._transposed = self._baskets.T.coalesce()
        counts = self._transposed @ torch.ones(len(self._baskets), 1)
        self._scale = counts.clamp_min(1.0).rsqrt()

    def rank(self, block: Block, k: int, repeat_consumed: bool) -> RankedLists:
        """As `Ranker.rank`."""
        history = history_rows(self._items, block)
        weights = _recency(history, block.lengths, self._last)
        query = spread(self._items, history, weights) * self._scale
        scores = (self._transposed @ (self._baskets @ query)) * self._scale
        return best_of(scores.T.contiguous(), self._items, history, k, repeat_consumed)


class SessionNeighbours:
    """VSKNN (Ludewig and Jannach, 2018): the items of the most similar past sessions.

    A session's similarity to a user is the weight of the user's last items in it, which falls
    linearly with their age, over the square root of the session's length.

    Args:
        sequences: all users' events, cut into sessions.
        last: number of the user's last events that count.
        neighbours: number of similar sessions.
        gap: seconds without an event after which a session ends.
    """

    def __init__(
        self, sequences: Sequences, last: int = 20, neighbours: int = 200, gap: int = 3_600
    ) -> None:
        self._items = sequences.items
        self._last, self._neighbours = last, neighbours
        self._baskets = baskets(sequences, sequences.sessions(gap))
        self._transposed = self._baskets.T.coalesce()
        lengths = self._baskets @ torch.ones(len(self._items), 1)
        self._scale = lengths.clamp_min(1.0).rsqrt()

    def rank(self, block: Block, k: int, repeat_consumed: bool) -> RankedLists:
        """As `Ranker.rank`."""
        history = history_rows(self._items, block)
        weights = _recency(history, block.lengths, self._last)
        similarity = ((self._baskets @ spread(self._items, history, weights)) * self._scale).T
        best = similarity.topk(min(self._neighbours, similarity.shape[1]), dim=1)
        kept = torch.zeros_like(similarity).scatter_(1, best.indices, best.values)
        scores = (self._transposed @ kept.T.contiguous()).T.contiguous()
        return best_of(scores, self._items, history, k, repeat_consumed)
