"""Whole-number vectors, whose inner products are exact, and keys that order items without ties.

Sums of floats depend on their order, and a matrix library picks the order by the shape of the
batch and by the machine. So queries and items are rounded to whole numbers on a grid whose
inner products fit the 24 bits of a float32: by Cauchy and Schwarz every partial sum is at
most |q||e| < 2^24, hence exact in any order. Equal scores go to the smaller row.
"""

from __future__ import annotations

import torch
from torch import Tensor

GRID_NORM = 4080.0
"""Length of the longest vector on the grid; rounding adds at most 0.5 sqrt(d), d < 900."""

NEVER = -float(1 << 24)
"""The score of what must not be given: below every score on the grid, and its keys are exact."""

_ROWS = 1 << 28
"""Rows are below this, so that a score and a row fit the 53 bits of a float64."""


def grid_scale(vectors: Tensor, each: bool = False) -> Tensor:
    """What vectors [n, d] are multiplied by to lie on the grid: one factor, or of each [n, 1]."""
    norms = vectors.double().norm(dim=1, keepdim=True)
    scale: Tensor = GRID_NORM / (norms if each else norms.max()).clamp_min(1e-30)
    return scale


def items_on_grid(items: Tensor) -> Tensor:
    """Item vectors [m, d] scaled together and rounded to whole numbers, float32 [m, d]."""
    grid: Tensor = (items.double() * grid_scale(items)).round().float()
    return grid


def queries_on_grid(queries: Tensor) -> Tensor:
    """Queries float64 [n, d], each scaled to the grid's norm (its ranking stays), float32 [n, d].

    A zero query stays zero: all of its items tie.
    """
    grid: Tensor = (queries * grid_scale(queries, each=True)).round().float()
    return grid


def keys_of(scores: Tensor, rows: Tensor) -> Tensor:
    """Float64 keys, exact and all different: the larger score, then the smaller row is larger."""
    return scores.double().mul_(_ROWS).sub_(rows)


def largest(keys: Tensor, k: int) -> Tensor:
    """The k largest keys of each row [n, m], in falling order, [n, min(k, m)].

    On the CPU the order of `keys` is lost.
    """
    k = min(k, keys.shape[1])
    if keys.device.type != "cpu":
        return keys.topk(k, dim=1).values
    # NumPy's partition uses the CPU's vector units; PyTorch's topk sorts pair by pair.
    values = keys.numpy()
    values.partition(values.shape[1] - k, axis=1)
    best = values[:, values.shape[1] - k :]
    best.sort(axis=1)
    return torch.from_numpy(best[:, ::-1].copy())


def rows_and_scores(keys: Tensor) -> tuple[Tensor, Tensor]:
    """The rows (int64) and scores (float64) that keys were made of."""
    rows = (-keys.long()) & (_ROWS - 1)
    return rows, (keys + rows) / _ROWS
