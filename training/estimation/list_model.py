"""A model of the reward of an item in a list, for the direct method and doubly robust estimators.

q̂(s, a) = β_a + γ_0 + γ_1 <h, e_a> + <γ, h * e_a> with e_a the item's vector and h the mean vector
of the history (`training.estimation.item_vectors`), by ridge regression. The items' part is
eliminated by the Schur complement, so that the cost grows with the rows alone. The model is
cross-fitted by users (Chernozhukov et al., "Double/debiased machine learning", 2018): a list is
predicted by a model that has seen no list of its user.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.estimation.item_vectors import ItemVectors
from training.estimation.list_log import Bools, ListLog
from training.estimation.rows import Floats, Int64s
from training.estimation.targets import Target

FOLDS = 3
RIDGE_ITEMS, RIDGE = 20.0, 1.0
_BLOCK = 8_192


@dataclass(frozen=True, slots=True, eq=False)
class ListModel:
    """Predictions for a log.

    Attributes:
        shown: float64 [n, k], q̂ of the items that were shown.
        means: float64 [n, d], the histories' mean vectors.
        fold: int64 [n], the fold whose model predicts the list.
        effect: float64 [FOLDS, items + 1], β by fold.
        weight: float64 [FOLDS, 1 + d], γ_0, and γ_1 + γ.
        vectors: the items' vectors.
    """

    shown: Floats
    means: Floats
    fold: Int64s
    effect: Floats
    weight: Floats
    vectors: ItemVectors

    def expected(self, target: Target) -> Floats:
        """Σ_a π_e(a) q̂(s, a) of each list, float64 [n]."""
        table = self.vectors.table
        one = np.ones((len(table), 1))
        sums = target.sums(np.hstack([self.effect.T, one, table]))
        own = sums[np.arange(len(self.fold)), self.fold]
        weight = self.weight[self.fold]
        near = (self.means * sums[:, FOLDS + 1 :] * weight[:, 1:]).sum(axis=1)
        return np.asarray(own + weight[:, 0] * sums[:, FOLDS] + near)


def fit_list_model(log: ListLog, vectors: ItemVectors, seed: int = 0) -> ListModel:
    """Fits and cross-fits the model.

    Args:
        log: lists to learn from, and to predict.
        vectors: the items' vectors.
        seed: chooses the folds.
    """
    means, items, real = vectors.means(log), vectors.ids.rows(log.items), log.real
    _, user = np.unique(log.user, return_inverse=True)
    fold: Int64s = np.random.default_rng(seed).integers(FOLDS, size=int(user.max()) + 1)[user]
    sums = [
        _Sums.of(items[at], real[at], log.reward[at], means[at], vectors.table)
        for at in (np.flatnonzero(fold == number) for number in range(FOLDS))
    ]
    total = _Sums.added(sums)
    fitted = [
        # A fold that has all users is its own model.
        (total.without(each) if each.rows < total.rows else total).solve()
        for each in sums
    ]
    effect = np.stack([one for one, _ in fitted])
    weight = np.stack([other for _, other in fitted])
    shown = np.zeros(items.shape)
    for start in range(0, len(log), _BLOCK):
        part = slice(start, start + _BLOCK)
        table = vectors.table[items[part]] * means[part][:, None]
        own = weight[fold[part]]
        shown[part] = effect[fold[part][:, None], items[part]] + own[:, :1]
        shown[part] += np.einsum("nkd,nd->nk", table, own[:, 1:])
    return ListModel(np.where(real, shown, 0), means, fold, effect, weight, vectors)


@dataclass(frozen=True, slots=True, eq=False)
class _Sums:
    """Sufficient statistics of the regression, by item and for the dense features z."""

    rows: float
    count: Floats
    reward: Floats
    cross: Floats
    gram: Floats
    dense: Floats

    @staticmethod
    def of(items: Int64s, real: Bools, reward: Floats, means: Floats, table: Floats) -> _Sums:
        """Of the real places of lists."""
        size, parts = len(table), []
        for start in range(0, len(items), _BLOCK):
            part = slice(start, start + _BLOCK)
            row, place = np.nonzero(real[part])
            item, earned = items[part][row, place], reward[part][row, place]
            z = np.ones((len(item), table.shape[1] + 1))
            z[:, 1:] = table[item] * means[part][row]
            cross = np.stack([_totals(item, column, size) for column in z.T], axis=1)
            count, total = _totals(item, z[:, 0], size), _totals(item, earned, size)
            parts.append(_Sums(float(len(item)), count, total, cross, z.T @ z, z.T @ earned))
            parts = [_Sums.added(parts)]
        return _Sums.added(parts) if parts else _Sums.none(size, table.shape[1] + 1)

    @staticmethod
    def none(items: int, width: int) -> _Sums:
        """Of no rows."""
        return _Sums(
            0.0, np.zeros(items), np.zeros(items), np.zeros((items, width)),
            np.zeros((width, width)), np.zeros(width),
        )  # fmt: skip

    @staticmethod
    def added(parts: list[_Sums]) -> _Sums:
        return _Sums(*(sum(getattr(part, name) for part in parts) for name in _Sums.__slots__))

    def without(self, other: _Sums) -> _Sums:
        return _Sums(*(getattr(self, name) - getattr(other, name) for name in _Sums.__slots__))

    def solve(self) -> tuple[Floats, Floats]:
        """β [items + 1] and the weights of z [1 + d]."""
        scale = self.count + RIDGE_ITEMS
        left = self.cross / scale[:, None]
        penalty = RIDGE * np.eye(len(self.dense))
        penalty[0, 0] = 1e-6  # The intercept is free.
        schur = self.gram + penalty - self.cross.T @ left
        weight = np.linalg.solve(schur, self.dense - left.T @ self.reward)
        return (self.reward - self.cross @ weight) / scale, np.asarray(weight, np.float64)


def _totals(item: Int64s, values: Floats, size: int) -> Floats:
    return np.bincount(item, values, size).astype(np.float64)
