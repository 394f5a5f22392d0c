"""Ranking metrics of lists against target items, with bootstrap intervals over users.

Metrics are computed per user, so that intervals are over users. A list is compared with the set of
the user's targets; relevance is binary.

- NDCG@k: sum over hits of 1 / log2(1 + rank), over the same sum of the ideal list, which has
  min(k, targets) hits at its head (Järvelin and Kekäläinen, 2002).
- HR@k: 1 if any of the first k is a target.
- MRR: 1 / rank of the first target in the whole list; 0 if there is none.
- Coverage@k: share of the catalogue that is in the first k of at least one list.
- Popularity bias@k: mean number of training events of the listed items over that of the targets;
  above 1 the lists favour popular items more than users do.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Int64s = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Targets:
    """The target items of each query, ragged.

    Attributes:
        rows: int64 [m], the query (row of the lists) of each target.
        items: int64 [m], raw ids; (row, item) pairs are all different.
        sizes: int64 [n], number of targets of each query, at least 1.
    """

    rows: Int64s
    items: Int64s
    sizes: Int64s


@dataclass(frozen=True, slots=True)
class Estimate:
    """A metric with its 95% interval."""

    value: float
    low: float
    high: float


def find_hits(items: Int64s, counts: Int64s, targets: Targets) -> Bools:
    """The places of the lists that hold a target.

    Args:
        items: int64 [n, k], raw ids, best first.
        counts: int64 [n], number of valid items in each row.
        targets: the targets.

    Returns:
        bool [n, k].
    """
    n, depth = items.shape
    known, code = np.unique(np.append(targets.items, items), return_inverse=True)
    wanted = targets.rows * len(known) + code[: len(targets.items)]
    listed = np.arange(n)[:, None] * len(known) + code[len(targets.items) :].reshape(n, depth)
    hits: Bools = np.isin(listed, wanted) & (np.arange(depth) < counts[:, None])
    return hits


def ndcg(hits: Bools, sizes: Int64s, k: int) -> Floats:
    """NDCG@k of each row, float64 [n], of hits [n, depth] and numbers of targets [n]."""
    gains: Floats = 1.0 / np.log2(np.arange(2, k + 2))
    ideal: Floats = np.cumsum(gains)[np.minimum(sizes, k) - 1]
    top = hits[:, :k]
    dcg: Floats = (top * gains[: top.shape[1]]).sum(axis=1) / ideal
    return dcg


def hit_rate(hits: Bools, k: int) -> Floats:
    """HR@k of each row, float64 [n]."""
    any_hit: Floats = np.asarray(hits[:, :k].any(axis=1), np.float64)
    return any_hit


def reciprocal_rank(hits: Bools) -> Floats:
    """1 / rank of the first hit of each row, 0 where there is none, float64 [n]."""
    return np.where(hits.any(axis=1), 1.0 / (1 + hits.argmax(axis=1)), 0.0)


def covered(codes: Int64s, catalogue: int) -> float:
    """The share of `catalogue` items that are among `codes`; a negative code is no item."""
    return float(np.count_nonzero(np.bincount(codes[codes >= 0], minlength=catalogue)) / catalogue)


def resample(rows: int, seed: int, times: int) -> Int64s:
    """Bootstrap samples: int64 [times, rows], rows drawn with replacement, by `seed`."""
    return np.random.default_rng(seed).integers(0, rows, (times, rows))


def mean_interval(values: Floats, samples: Int64s) -> Estimate:
    """The mean over users with its percentile bootstrap interval."""
    return _interval(float(values.mean()), np.array([values[rows].mean() for rows in samples]))


def ratio_interval(above: Floats, below: Floats, samples: Int64s) -> Estimate:
    """The ratio of two means over the same users with its percentile bootstrap interval."""

    def ratio(rows: Int64s | slice) -> float:
        return float(above[rows].sum() / max(below[rows].sum(), 1e-12))

    return _interval(ratio(slice(None)), np.array([ratio(rows) for rows in samples]))


def coverage_interval(codes: Int64s, catalogue: int, samples: Int64s) -> Estimate:
    """Coverage by lists of item codes [seeds, n, k], mean over seeds, with its interval.

    A bootstrap sample has fewer different users and covers less. The percentiles are shifted by the
    bootstrap's mean error, so that they lie around the value.
    """
    value = float(np.mean([covered(lists, catalogue) for lists in codes]))
    drawn = np.array(
        [np.mean([covered(lists[rows], catalogue) for lists in codes]) for rows in samples]
    )
    return _interval(value, np.clip(drawn + value - drawn.mean(), 0.0, 1.0))


def _interval(value: float, drawn: Floats) -> Estimate:
    low, high = np.percentile(drawn, [2.5, 97.5])
    # With few users the percentiles of a skewed sample may miss the value by a rounding error.
    return Estimate(value, float(min(low, value)), float(max(high, value)))
