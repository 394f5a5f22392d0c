"""Confidence intervals of ratio estimates whose rows are clustered by user.

A user's lists are not independent: an interval that takes them for independent is too narrow. The
variance is that of the estimate's linearisation, with residuals summed within clusters:

    v̂ = scale · N / D,   u_c = Σ_{i in c} (scale · N_i - v̂ D_i),
    var(v̂) = C / (C - 1) · Σ_c u_c² / D²

(Cameron and Miller, "A Practitioner's Guide to Cluster-Robust Inference", 2015). The interval takes
Student's t with C - 1 degrees of freedom, or with fewer where a few clusters dominate: the
effective number is (Σ u_c²)² / Σ u_c⁴ (Satterthwaite), which widens the interval of heavy tails.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy.stats import t as student

from training.estimation.estimators import Terms
from training.estimation.rows import Floats, Int64s, sums_by

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its 95% interval.

    Attributes:
        value: the estimate.
        low: the interval's lower end; -inf if it cannot be told.
        high: the interval's upper end; inf if it cannot be told.
    """

    value: float
    low: float
    high: float


def clustered(terms: Terms, cluster: Int64s) -> Interval:
    """The estimate of `terms`, with an interval for clusters of rows.

    Args:
        terms: numerator and denominator, a row each.
        cluster: int64 [n], the rows' clusters.
    """
    denominator = float(terms.denominator.sum())
    if denominator <= 0:
        return Interval(math.nan, -math.inf, math.inf)
    value = terms.scale * float(terms.numerator.sum()) / denominator
    residual = terms.scale * terms.numerator - value * terms.denominator
    return _interval(value, residual, cluster, denominator)


def clustered_mean(value: float, influence: Floats, cluster: Int64s) -> Interval:
    """An estimate with an interval, from its influence function.

    Args:
        value: the estimate.
        influence: float64 [n]; the estimate's error is about the mean of these.
        cluster: int64 [n], the rows' clusters.
    """
    return _interval(value, influence, cluster, float(len(influence)))


def _interval(value: float, residuals: Floats, cluster: Int64s, denominator: float) -> Interval:
    residual = sums_by(cluster, residuals)
    clusters = len(residual)
    squares = residual**2
    total = float(squares.sum())
    if clusters < 2:
        return Interval(value, -math.inf, math.inf)
    if total == 0:
        return Interval(value, value, value)
    error = math.sqrt(clusters / (clusters - 1) * total) / denominator
    degrees = max(1.0, min(clusters - 1, total**2 / float((squares**2).sum())))
    margin = float(student.ppf((1 + CONFIDENCE) / 2, degrees)) * error
    return Interval(value, value - margin, value + margin)


def effective_sample_size(weights: Floats) -> float:
    """(Σ w)² / Σ w²: as many rows of equal weight tell as much (Kong, 1992)."""
    squares = float((weights**2).sum())
    return float(weights.sum()) ** 2 / squares if squares else 0.0
