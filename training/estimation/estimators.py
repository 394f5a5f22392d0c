"""Estimators of a policy's value from logged lists. Notation: `training.estimation.rows`.

The value is the expected reward of a list: the sum over its places. L is the number of lists, n
the number of rows, w_i = π_e / p_i.

| name | value | source |
|---|---|---|
| IPS | 1/L Σ w_i r_i | Horvitz and Thompson, 1952 |
| SNIPS | n/L (Σ w_i r_i) / (Σ w_i) | Swaminathan and Joachims, NeurIPS 2015 |
| DM | 1/L Σ Σ_a π_e(a) q̂(a) | |
| DR | DM + 1/L Σ w_i (r_i - q̂(a_i)) | Dudík, Langford and Li, ICML 2011 |
| switch-DR | DM + 1/L Σ w_i [w_i <= τ] (r_i - q̂(a_i)) | Wang, Agarwal and Dudík, ICML 2017 |
| RIPS | 1/L Σ_l Σ_k (Π_{j<=k} w_lj) r_lk | McInerney et al., KDD 2020 |

Every estimator writes its value as a mean over lists of a term per row, or as a ratio of two
such means, so that one interval serves all (`training.estimation.intervals`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from training.estimation.rows import Floats, Rows


@dataclass(frozen=True, slots=True, eq=False)
class Terms:
    """An estimate as a ratio of sums: scale · Σ numerator / Σ denominator.

    Attributes:
        numerator: float64 [n], a row's part of the numerator.
        denominator: float64 [n], a row's part of the denominator.
        scale: rows per list for ratios over rows, 1 for means over lists.
    """

    numerator: Floats
    denominator: Floats
    scale: float = 1.0


class Estimator(ABC):
    """One way to estimate a policy's value."""

    name: str
    """How results name it."""
    needs_reward_model = False
    """Whether it reads `Rows.modelled` and `Rows.expected`."""

    @abstractmethod
    def terms(self, rows: Rows) -> Terms:
        """The estimate's terms, a row each."""

    def weights(self, rows: Rows) -> Floats:
        """The importance weights that the estimate rests on, float64 [n]; ones without any."""
        return rows.weight


class IPS(Estimator):
    """Inverse propensity scoring: unbiased with full support, and of large variance."""

    name = "ips"

    def terms(self, rows: Rows) -> Terms:
        """W r."""
        return Terms(rows.weight * rows.reward, _list_share(rows))


class SNIPS(Estimator):
    """Self-normalized IPS: divides by the weights' sum; a small bias, less variance."""

    name = "snips"

    def terms(self, rows: Rows) -> Terms:
        """W r over w, per list."""
        scale = len(rows) / _lists(rows)
        return Terms(rows.weight * rows.reward, rows.weight, scale)


class DirectMethod(Estimator):
    """The direct method: the reward model's expectation; as good as the model."""

    name = "dm"
    needs_reward_model = True

    def terms(self, rows: Rows) -> Terms:
        """Σ_a π_e(a) q̂(a)."""
        return Terms(rows.expected, _list_share(rows))

    def weights(self, rows: Rows) -> Floats:
        """None: ones."""
        return np.ones(len(rows))


class DoublyRobust(Estimator):
    """Doubly robust: the direct method, corrected by IPS of the model's errors."""

    name = "dr"
    needs_reward_model = True

    def terms(self, rows: Rows) -> Terms:
        """Σ_a π_e(a) q̂(a) + w (r - q̂)."""
        correction = self.weights(rows) * (rows.reward - rows.modelled)
        return Terms(rows.expected + correction, _list_share(rows))


class SwitchDR(DoublyRobust):
    """Doubly robust where the weight is at most τ, the direct method elsewhere.

    Args:
        threshold: τ.
    """

    name = "switch-dr"

    def __init__(self, threshold: float = 10.0) -> None:
        self.threshold = threshold

    def weights(self, rows: Rows) -> Floats:
        """W [w <= τ]."""
        weight = rows.weight
        return weight * (weight <= self.threshold)


class RIPS(Estimator):
    """Reward-interaction IPS of lists: a place's reward depends on the places before it."""

    name = "rips"

    def terms(self, rows: Rows) -> Terms:
        """(Π_{j<=k} w_j) r."""
        return Terms(self.weights(rows) * rows.reward, _list_share(rows))

    def weights(self, rows: Rows) -> Floats:
        """The products of the weights from a list's first place on, float64 [n]."""
        weight = rows.weight
        starts = np.flatnonzero(np.diff(rows.episode, prepend=rows.episode[0] - 1))
        lengths = np.diff(np.append(starts, len(rows)))
        place = np.arange(len(rows)) - np.repeat(starts, lengths)
        product = weight.copy()
        for step in range(1, int(lengths.max())):
            later = np.flatnonzero(place == step)
            product[later] *= product[later - 1]
        return product


ESTIMATORS: dict[str, type[Estimator]] = {
    made.name: made for made in (IPS, SNIPS, DirectMethod, DoublyRobust, SwitchDR, RIPS)
}
"""All estimators by name."""


def _lists(rows: Rows) -> int:
    return len(np.unique(rows.episode))


def _list_share(rows: Rows) -> Floats:
    """A row's part of its list: the parts of a list sum to 1."""
    _, place, size = np.unique(rows.episode, return_inverse=True, return_counts=True)
    share: Floats = 1.0 / size[place]
    return share
