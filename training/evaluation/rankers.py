"""Rankers: policies and baselines that make lists from users' histories."""

from __future__ import annotations

from typing import Protocol

from inference.policy import Policy
from training.evaluation.queries import Block
from transforms.messages.ranked_lists import RankedLists


class Ranker(Protocol):
    """A policy or a baseline."""

    def rank(self, block: Block, k: int, repeat_consumed: bool) -> RankedLists:
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

    def rank(self, block: Block, k: int, repeat_consumed: bool) -> RankedLists:
        """As `Ranker.rank`; items of the whole history count as consumed."""
        return self._policy.rank(block.users, block.histories, block.lengths, k, repeat_consumed)
