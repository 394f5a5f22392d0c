"""A model of the reward for the direct method and doubly robust estimators.

q̂(x, a, k) = c + α_k + β_a + Σ_j γ_j[x_j]: a ridge regression on the item, the place and the
context's columns as indicators. It is cross-fitted: a row is predicted by a model that has seen no
row of its cluster's fold (Chernozhukov et al., "Double/debiased machine learning", 2018), so that
doubly robust estimates stay unbiased.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import spsolve

from training.estimation.bandit_log import BanditLog
from training.estimation.rows import Floats, Int64s

FOLDS = 3
RIDGE = 10.0
_MOST_LEVELS = 256


@dataclass(frozen=True, slots=True, eq=False)
class Modelled:
    """Predictions for a log.

    Attributes:
        shown: float64 [n], q̂ of the item that was shown.
        base: float64 [n], q̂ without the item's part.
        item: float64 [FOLDS, items], the items' parts, by fold.
        fold: int64 [n], the fold whose model predicts the row.
    """

    shown: Floats
    base: Floats
    item: Floats
    fold: Int64s

    def expected(self, chance: Floats, place: Int64s) -> Floats:
        """Σ_a π(a | k) q̂(x, a, k) of each row, float64 [n].

        Args:
            chance: float64 [items, places], the policy's probabilities.
            place: int64 [n].
        """
        parts = self.item @ chance
        total = chance.sum(axis=0)
        expected: Floats = total[place] * self.base + parts[self.fold, place]
        return expected


def fit_reward_model(log: BanditLog, seed: int = 0) -> Modelled:
    """Fits and cross-fits the model.

    Args:
        log: the log.
        seed: chooses the folds.
    """
    design = _design(log)
    items = len(log.items)
    _, cluster = np.unique(log.cluster, return_inverse=True)
    dealt = np.random.default_rng(seed).integers(FOLDS, size=int(cluster.max()) + 1)
    fold: Int64s = dealt[cluster]
    base, shown = np.empty(len(log.reward)), np.empty(len(log.reward))
    parts = np.zeros((FOLDS, items))
    for number in range(FOLDS):
        train, test = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
        if not train.size:
            train = test
        mean = float(log.reward[train].mean())
        x = design[train]
        gram = x.T @ x + RIDGE * sparse.eye(x.shape[1])
        weights = spsolve(gram.tocsc(), x.T @ (log.reward[train] - mean))
        parts[number] = weights[:items]
        shown[test] = mean + design[test] @ weights
        base[test] = shown[test] - parts[number][log.item[test]]
    return Modelled(shown, base, parts, fold)


def _design(log: BanditLog) -> sparse.csr_array:
    """Indicators of item, place and context, the items' first."""
    columns = [(log.item, len(log.items)), (log.place, len(log.places))]
    # Rare values of a context are one value.
    columns += [
        (np.minimum(codes, _MOST_LEVELS - 1), min(int(codes.max()) + 1, _MOST_LEVELS))
        for codes in log.context.T
    ]
    rows = np.arange(len(log.item))
    blocks = [
        sparse.csr_array((np.ones(len(rows)), (rows, codes)), shape=(len(rows), levels))
        for codes, levels in columns
    ]
    return sparse.csr_array(sparse.hstack(blocks))
