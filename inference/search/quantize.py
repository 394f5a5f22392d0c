"""Quantized vectors with exact inner products, and sort keys without ties.

The sum of floats depends on the order of its terms, and a matrix library chooses the order by the
shape of the batch and by the machine. Queries and items are therefore rounded to integer vectors
whose norm is at most `MAX_NORM`. By Cauchy and Schwarz every partial sum of an inner product then
stays below 2^24, which a float32 holds exactly, in any order of summation. Equal scores are
ordered by row, the smaller row first.
"""

from __future__ import annotations

import torch
from torch import Tensor

MAX_NORM = 4080.0
"""Norm to which vectors are scaled; rounding adds at most 0.5 sqrt(d), for d < 900."""

EXCLUDED = -float(1 << 24)
"""The score of an item that must not be returned: lower than any score, and exact in a key."""

_ROWS = 1 << 28
"""Rows are smaller than this, so that a score and a row fit the 53 bits of a float64."""


def quantization_scale(vectors: Tensor, each: bool = False) -> Tensor:
    """The factor that scales vectors [n, d] to `MAX_NORM`: one for all, or one for each, [n, 1]."""
    norms = vectors.double().norm(dim=1, keepdim=True)
    scale: Tensor = MAX_NORM / (norms if each else norms.max()).clamp_min(1e-30)
    return scale


def quantize_items(items: Tensor) -> Tensor:
    """Item vectors [m, d], scaled by one factor and rounded to integers, float32 [m, d]."""
    quantized: Tensor = (items.double() * quantization_scale(items)).round().float()
    return quantized


def quantize_queries(queries: Tensor) -> Tensor:
    """Queries float64 [n, d], each scaled to `MAX_NORM` and rounded to integers, float32 [n, d].

    The factor does not change a query's ranking. A zero query stays zero: all its items tie.
    """
    quantized: Tensor = (queries * quantization_scale(queries, each=True)).round().float()
    return quantized


def keys_of(scores: Tensor, rows: Tensor) -> Tensor:
    """Sort keys, float64: larger for the larger score, then for the smaller row; no two equal."""
    return scores.double().mul_(_ROWS).sub_(rows)


def largest(keys: Tensor, k: int) -> Tensor:
    """The k largest keys of each row of [n, m], in descending order, [n, min(k, m)].

    On the CPU this reorders `keys` in place.
    """
    k = min(k, keys.shape[1])
    if keys.device.type != "cpu":
        return keys.topk(k, dim=1).values
    # NumPy's partition uses vector instructions; PyTorch's topk compares pair by pair.
    values = keys.numpy()
    values.partition(values.shape[1] - k, axis=1)
    best = values[:, values.shape[1] - k :]
    best.sort(axis=1)
    return torch.from_numpy(best[:, ::-1].copy())


def rows_and_scores(keys: Tensor) -> tuple[Tensor, Tensor]:
    """The rows (int64) and the scores (float64) that `keys_of` combined."""
    rows = (-keys.long()) & (_ROWS - 1)
    return rows, (keys + rows) / _ROWS
