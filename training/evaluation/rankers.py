"""What an evaluation ranks with: anything that turns users' histories into lists."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from inference.policy import Policy
from training.evaluation.queries import Block

Int64s = npt.NDArray[np.int64]


class Lists(NamedTuple):
    """Lists of items.

    Attributes:
        items: int64 [n, k], raw ids, best first.
        counts: int64 [n], how many of a row's items are valid.
    """

    items: Int64s
    counts: Int64s


class Ranker(Protocol):
    """A policy or a baseline."""

    def rank(self, block: Block, k: int, repeat_consumed: bool) -> Lists:
        """The k best items for each user of the block, none twice.

        Args:
            block: users and their histories.
            k: length of the lists.
            repeat_consumed: whether lists may have items of the user's history.
        """
        ...


class PolicyRanker:
    """A trained policy of `inference`, as a ranker."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy

    def rank(self, block: Block, k: int, repeat_consumed: bool) -> Lists:
        """As `Ranker.rank`; items of the whole history count as consumed."""
        ranking = self._policy.rank(block.users, block.histories, block.lengths, k, repeat_consumed)
        return Lists(ranking.items, ranking.counts)
