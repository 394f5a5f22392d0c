"""Ranks what a search found by a critic: the Wolpertinger policy.

Dulac-Arnold et al. (2015), "Deep reinforcement learning in large discrete action spaces": an actor
proposes an action in the space of the items' vectors, the search finds the M items nearest to it,
and of these the critic's best ones are taken (its algorithm 1):

    list(s) = the k items j of top_M(q(s) . v_j) with the largest Q(s, v_j / |v_j|)

The critic runs in float64 and its values are rounded to multiples of a STEP, so that a row gets the
same list in any batch and on any machine. Items of equal values stay in the order of the search.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor
from torch.nn.functional import normalize

from inference.network.heads import Critic
from inference.search.quantize import EXCLUDED, MAX_NORM

STEP = 2.0**-16
_LARGEST = 1e6


class CriticRanking:
    """Orders candidates by a critic.

    Args:
        critic: Q(s, a); it is copied.
        vectors: float [m + 1, d], the items' vectors, that of the unknown item last.
        neighbours: M.
    """

    def __init__(self, critic: Critic, vectors: Tensor, neighbours: int) -> None:
        self.neighbours = neighbours
        self._critic = copy.deepcopy(critic).double()
        self._actions = normalize(vectors.detach().double(), dim=1)

    def best(self, states: Tensor, found: tuple[Tensor, Tensor], k: int) -> tuple[Tensor, Tensor]:
        """The k candidates with the largest values.

        Args:
            states: float64 [n, state].
            found: rows of items int64 [n, M], best first, m for none; and their scores.
            k: length of the lists.

        Returns:
            Rows int64 [n, k], m for none; and scores float64 [n, k], the values squashed to
            +-MAX_NORM^2 as the search's scores are.
        """
        rows = found[0]
        none = rows == len(self._actions) - 1
        each = states[:, None].expand(-1, rows.shape[1], -1)
        values = self._critic(each, self._actions[rows]).clamp(-_LARGEST, _LARGEST)
        values = (values / STEP).round() * STEP
        values = values.masked_fill(none, -torch.inf)
        order = values.argsort(dim=1, descending=True, stable=True)[:, :k]
        squashed = (values.sigmoid() * 2 - 1) * MAX_NORM**2
        squashed = squashed.masked_fill(none, EXCLUDED)
        return rows.gather(1, order), squashed.gather(1, order)
