"""What the policy that is evaluated would show in each state of a log of lists."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from inference.models.ids import IdMap
from inference.policy import Policy
from training.estimation.list_log import ListLog
from training.estimation.rows import EstimationError, Floats, Int64s


class Target(ABC):
    """The probabilities with which a policy has each item in each list of a log.

    Items are rows of an `IdMap`, its last row for all items that the log does not have.
    """

    @abstractmethod
    def chance(self, items: Int64s) -> Floats:
        """The probability of items.

        Args:
            items: int64 [n, k], a row for each list.

        Returns:
            float64 [n, k].
        """

    @abstractmethod
    def sums(self, values: Floats) -> Floats:
        """Σ_a π_e(a) v(a) for each list.

        Args:
            values: float64 [items + 1, m], v of each item.

        Returns:
            float64 [n, m].
        """


@dataclass(frozen=True, slots=True, eq=False)
class RankedTarget(Target):
    """A deterministic policy: its list has an item or does not.

    Attributes:
        items: int64 [n, k].
        length: int64 [n].
    """

    items: Int64s
    length: Int64s

    @staticmethod
    def of(policy: Policy, log: ListLog, ids: IdMap) -> RankedTarget:
        """The lists of a model for the states of a log, as long as those of the log.

        Items that the log does not have keep their places in the lists.
        """
        ranked = policy.rank(log.user, log.history, log.history_length, log.items.shape[1])
        return RankedTarget(ids.rows(ranked.items), np.minimum(ranked.length, log.length))

    def chance(self, items: Int64s) -> Floats:
        """1 for items of the list, 0 for others."""
        found = np.zeros(items.shape)
        # Rows of items that the log does not have are equal to none of those that it shows.
        for place in range(self.items.shape[1]):
            there = (place < self.length)[:, None]
            found += (items == self.items[:, place : place + 1]) & there
        return found

    def sums(self, values: Floats) -> Floats:
        """Sums over the list's items."""
        total = np.zeros((len(self.length), values.shape[1]))
        for place in range(self.items.shape[1]):
            there = (place < self.length)[:, None]
            total += np.where(there, values[self.items[:, place]], 0)
        return total


@dataclass(frozen=True, slots=True, eq=False)
class FixedTarget(Target):
    """A policy that looks at no context.

    Attributes:
        table: float64 [k + 1, items + 1], the probability that a list of that length has an item.
        length: int64 [n], the lists' lengths.
    """

    table: Floats
    length: Int64s

    @staticmethod
    def of(places: Floats, length: Int64s) -> FixedTarget:
        """From the probabilities of each place.

        Args:
            places: float64 [k, items + 1], by place.
            length: int64 [n].

        Raises:
            EstimationError: a list would have an item more than once.
        """
        table = np.concatenate([np.zeros((1, places.shape[1])), np.cumsum(places, axis=0)])
        if (table[:, :-1] > 1 + 1e-6).any():
            raise EstimationError(
                "the probabilities of an item at the places of a list sum to more than 1: "
                "a list has an item once"
            )
        table[:, :-1] = np.minimum(table[:, :-1], 1)
        return FixedTarget(table, length)

    def chance(self, items: Int64s) -> Floats:
        """The table's values."""
        return np.asarray(self.table[self.length[:, None], items])

    def sums(self, values: Floats) -> Floats:
        """Sums over all items, by the list's length."""
        return np.asarray((self.table @ values)[self.length])
