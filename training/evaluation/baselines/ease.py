"""EASE (Steck, 2019): a linear item-to-item model in closed form, with recent events first.

With X [users, items] the ones of who had what, EASE minimises |X - X B|^2 + lambda |B|^2 over the
matrices B with a diagonal of 0. With P = (X'X + lambda I)^-1 the solution is

    B = I - P diag(1 / diag(P))

and the scores of a history x are x B. Here x weighs a user's items by decay^age, where age counts
the user's events after the item's last one; with a decay of 1 it is the paper's. The matrix to
invert is that of the items, or, where there are fewer users, that of the users (Woodbury):
P = (I - X'(X X' + lambda I)^-1 X) / lambda. B itself is never built.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from training.datasets.sequences import Sequences
from training.evaluation.baselines.neighbours import baskets, spread
from training.evaluation.baselines.scores import best_of, history_rows
from training.evaluation.queries import Block
from training.evaluation.rankers import Ranker
from transforms.messages.ranked_lists import RankedLists

MOST = 20_000
"""Rows of the matrix to invert, at most: 3.2 GB."""
_BLOCK = 1_024
"""Columns of a block of the dense product."""

REGULARIZATIONS = (100.0, 200.0, 500.0, 1_000.0, 2_000.0)
DECAYS = (1.0, 0.95, 0.9, 0.8, 0.7)
"""Values that validation chooses from."""


@dataclass(frozen=True, slots=True, eq=False)
class Ease:
    """Ranks by EASE.

    Attributes:
        sequences: the data, for its items.
        baskets: X, sparse [users, items].
        inverse: (X'X + lambda I)^-1 [items, items], or (X X' + lambda I)^-1 [users, users];
            float32.
        diagonal: diag(P), [items]; times lambda where the inverse is that of the users.
        of_users: whether the inverse is that of the users.
        decay: weight of an item relative to that of the one after it, in (0, 1].
    """

    sequences: Sequences
    baskets: Tensor
    inverse: Tensor
    diagonal: Tensor
    of_users: bool
    decay: float

    def rank(self, block: Block, k: int, repeat_consumed: bool) -> RankedLists:
        """As `Ranker.rank`."""
        items = self.sequences.items
        history = history_rows(items, block)
        age = np.maximum(block.lengths[:, None] - 1 - np.arange(history.shape[1]), 0)
        inside = np.arange(history.shape[1]) < block.lengths[:, None]
        weights = np.where(inside, self.decay**age, 0.0).astype(np.float32)
        wide = spread(items, history, torch.from_numpy(weights))
        if self.of_users:
            part = self.baskets.T @ (self.inverse @ (self.baskets @ wide))
            product = wide - part
        else:
            product = self.inverse @ wide
        scores = (wide - product / self.diagonal[:, None]).T.contiguous()
        return best_of(scores, items, history, k, repeat_consumed)


def too_large(sequences: Sequences) -> str:
    """Why EASE cannot be fitted to a data set; empty where it can."""
    size = min(len(sequences.users), len(sequences.items))
    if size <= MOST:
        return ""
    return (
        f"ease inverts a matrix of {size:,} rows, the number of users or of items, whichever is "
        f"smaller; at most {MOST:,} fit"
    )


def fit(sequences: Sequences, regularization: float, decay: float) -> Ease:
    """Fits EASE to the events before each user's split.

    Args:
        sequences: all users' events.
        regularization: lambda, above 0.
        decay: as of `Ease`.

    Raises:
        ValueError: as `too_large` says.
    """
    if problem := too_large(sequences):
        raise ValueError(problem)
    found = baskets(sequences, sequences.user)
    of_users = found.shape[0] < found.shape[1]
    rows = found if of_users else found.T.coalesce()
    columns = rows.T.coalesce()
    gram = torch.empty(len(rows), len(rows), dtype=torch.float64)
    for start in range(0, len(rows), _BLOCK):
        part = torch.zeros(columns.shape[1], min(_BLOCK, len(rows) - start))
        part[torch.arange(start, start + part.shape[1]), torch.arange(part.shape[1])] = 1.0
        gram[:, start : start + part.shape[1]] = (rows @ (columns @ part)).double()
    gram.diagonal().add_(regularization)
    inverse = torch.cholesky_inverse(torch.linalg.cholesky(gram)).float()
    if not of_users:
        return Ease(sequences, found, inverse, inverse.diagonal().clone(), False, decay)
    diagonal = torch.cat(
        [1.0 - torch.einsum("ui,ui->i", part, inverse @ part) for part in _dense_columns(found)]
    )
    return Ease(sequences, found, inverse, diagonal, True, decay)


def _dense_columns(sparse: Tensor) -> Iterator[Tensor]:
    """The columns of a sparse matrix as dense blocks."""
    for start in range(0, sparse.shape[1], _BLOCK):
        wanted = torch.arange(start, min(start + _BLOCK, sparse.shape[1]))
        yield sparse.index_select(1, wanted).to_dense()


def candidates(sequences: Sequences) -> Iterator[tuple[tuple[float, float], Ranker]]:
    """The rankers to choose from by validation, each with its lambda and decay."""
    for regularization in REGULARIZATIONS:
        model = fit(sequences, regularization, 1.0)
        for decay in DECAYS:
            yield (regularization, decay), replace(model, decay=decay)
