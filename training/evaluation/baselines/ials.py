"""iALS: implicit matrix factorisation by alternating least squares.

Hu, Koren and Volinsky (2008), with the loss of Rendle et al. (2022), "Revisiting the performance of
iALS on item recommendation benchmarks":

    sum over observed (u, i) of (1 - w_u h_i)^2 + alpha sum over all (u, i) of (w_u h_i)^2
    + lambda (sum over u of (n_u + alpha items) |w_u|^2 + sum over i of (n_i + alpha users) |h_i|^2)

with n the number of a row's observations. A user's vector is solved from the history that a query
shows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from training.datasets.sequences import TEST, Sequences
from training.evaluation.baselines.scores import best_of, history_rows
from training.evaluation.queries import Block
from training.evaluation.rankers import Ranker
from transforms.messages.ranked_lists import RankedLists

Int64s = npt.NDArray[np.int64]

DIM, EPOCHS = 64, 8
ALPHAS = (0.03, 0.1, 0.3, 1.0)
REGULARIZATIONS = (0.003, 0.01, 0.03)
"""Values that validation chooses from."""
_CELLS = 1 << 19
"""Vectors that are gathered at a time, padding included: 128 MiB."""


@dataclass(frozen=True, slots=True)
class IalsOptions:
    """The loss and the fit.

    Attributes:
        alpha: weight of what was not observed.
        regularization: lambda.
        dim: length of the vectors.
        epochs: alternations.
        seed: seed of the initial vectors.
    """

    alpha: float
    regularization: float
    dim: int = DIM
    epochs: int = EPOCHS
    seed: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Ials:
    """Ranks by vectors of items; a user's vector is solved from the history.

    Attributes:
        sequences: the data, for its items.
        vectors: [items + 1, dim]; the last row, of unknown items, is 0.
        options: the loss.
    """

    sequences: Sequences
    vectors: Tensor
    options: IalsOptions

    def rank(self, block: Block, k: int, repeat_consumed: bool) -> RankedLists:
        """As `Ranker.rank`."""
        items = self.sequences.items
        history = history_rows(items, block)
        observed = _distinct(history, items.unknown)
        rows = max(1, _CELLS // observed.shape[1])
        users = torch.cat(
            [
                solve(self.vectors, observed[start : start + rows], self.options)
                for start in range(0, len(observed), rows)
            ]
        )
        return best_of(users @ self.vectors[:-1].T, items, history, k, repeat_consumed)


def fit(sequences: Sequences, options: IalsOptions) -> Ials:
    """Fits the vectors to the events before each user's split."""
    size = len(sequences.items)
    kept = sequences.split != TEST
    pairs = np.unique(sequences.user[kept] * size + sequences.item[kept])
    user, item = pairs // size, pairs % size
    random = torch.Generator().manual_seed(options.seed)
    vectors = torch.randn(size + 1, options.dim, generator=random) * 0.1 / options.dim**0.5
    vectors[-1] = 0
    by_item = np.argsort(item, kind="stable")
    for _ in range(options.epochs):
        users = _solve_all(vectors, user, item, len(sequences.users), options)
        vectors = _solve_all(users, item[by_item], user[by_item], size, options)
    return Ials(sequences, vectors, options)


def candidates(sequences: Sequences) -> Iterator[tuple[IalsOptions, Ranker]]:
    """The rankers to choose from by validation, each with its options."""
    for alpha in ALPHAS:
        for regularization in REGULARIZATIONS:
            options = IalsOptions(alpha, regularization)
            yield options, fit(sequences, options)


def solve(vectors: Tensor, observed: Int64s, options: IalsOptions) -> Tensor:
    """The vectors that minimise the loss, one for each row of observations.

    Args:
        vectors: [m + 1, dim], of the other side; the last row is 0.
        observed: int64 [n, w], different rows of `vectors`, padded with m.
        options: the loss.

    Returns:
        [n, dim].
    """
    held = vectors[torch.from_numpy(observed)]
    count = torch.from_numpy((observed != len(vectors) - 1).sum(axis=1)).to(held.dtype)
    gram = options.alpha * (vectors.T @ vectors) + held.transpose(1, 2) @ held
    weight = options.regularization * (count + options.alpha * (len(vectors) - 1))
    gram.diagonal(dim1=1, dim2=2).add_(weight[:, None])
    factor = torch.linalg.cholesky(gram)
    return torch.cholesky_solve(held.sum(dim=1)[:, :, None], factor)[:, :, 0]


def _solve_all(
    vectors: Tensor, row: Int64s, other: Int64s, rows: int, options: IalsOptions
) -> Tensor:
    """The vectors of all rows, [rows + 1, dim], the last one 0.

    Args:
        vectors: of the other side.
        row: int64 [n], ascending: the row of each observation.
        other: int64 [n], the observation's place in `vectors`.
        rows: number of rows.
        options: the loss.
    """
    found = torch.zeros(rows + 1, vectors.shape[1])
    count = np.bincount(row, minlength=rows)
    first = np.cumsum(count) - count
    # Rows of similar numbers of observations are solved together, so that little is padding.
    by_count = np.argsort(-count, kind="stable")[: int((count > 0).sum())]
    at = 0
    while at < len(by_count):
        most = int(count[by_count[at]])
        size = max(1, _CELLS // most)
        part = by_count[at : at + size]
        place = first[part][:, None] + np.arange(most)
        inside = np.arange(most) < count[part][:, None]
        observed = np.where(inside, other[np.minimum(place, len(other) - 1)], len(vectors) - 1)
        found[torch.from_numpy(part)] = solve(vectors, observed, options)
        at += size
    return found


def _distinct(history: Int64s, unknown: int) -> Int64s:
    """The different known rows of each history, padded with `unknown`."""
    ordered = np.sort(history, axis=1)
    ordered[:, 1:][ordered[:, 1:] == ordered[:, :-1]] = unknown
    return ordered
