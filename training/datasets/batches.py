"""Batches of training data as tensors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from training.datasets.lists import ShownLists
from training.datasets.transitions import Transitions

Steps = Transitions | ShownLists
"""Training data: what users did, or the lists that were recommended to them."""


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """States with the actions taken in each, as tensors.

    A row of `Transitions` is one step, k = 1: what the user did. A row of `ShownLists` is a list.

    Attributes:
        histories: int64 [n, w], as in Transitions.
        lengths: int64 [n].
        users: int64 [n].
        actions: int64 [n, k], rows of the item table; the unknown item is no action.
        rewards: float32 [n, k].
        returns: float32 [n, k].
        propensities: float32 [n, k], as in ShownLists; 0 where unknown.
        last: bool [n], whether no state follows: the session ends, or the value of the next list
            counts nothing.
        decided: bool [n], whether a policy or the user took the actions; False for lists of popular
            items. None for all.
        following: of lists, the histories int64 [n, w] and lengths int64 [n] of the users' next
            ones, and what their values count, float32 [n]. None for steps.
        cut: bool [n], whether the value of the next state is unknown because the log ends; None for
            no row.
    """

    histories: Tensor
    lengths: Tensor
    users: Tensor
    actions: Tensor
    rewards: Tensor
    returns: Tensor
    propensities: Tensor
    last: Tensor
    decided: Tensor | None = None
    following: tuple[Tensor, Tensor, Tensor] | None = None
    cut: Tensor | None = None

    @staticmethod
    def of(steps: Steps, device: torch.device) -> Batch:
        """The rows as tensors on a device."""

        def tensor(column: npt.NDArray[np.generic]) -> Tensor:
            return torch.from_numpy(column).to(device)

        after = None
        if isinstance(steps, ShownLists):
            actions, rewards, returns = steps.items, steps.rewards, steps.rewards + steps.credit
            propensities, last = steps.propensities, steps.discount == 0
            after = (
                tensor(steps.next_histories),
                tensor(steps.next_lengths),
                tensor(steps.discount),
            )
        else:
            actions, rewards = steps.actions[:, None], steps.rewards[:, None]
            returns = steps.returns[:, None]
            propensities, last = np.zeros_like(rewards), steps.last
        return Batch(
            histories=tensor(steps.histories),
            lengths=tensor(steps.lengths),
            users=tensor(steps.users),
            actions=tensor(actions),
            rewards=tensor(rewards),
            returns=tensor(returns),
            propensities=tensor(propensities),
            last=tensor(last),
            decided=tensor(steps.decided) if isinstance(steps, ShownLists) else None,
            following=after,
            cut=tensor(steps.cut) if isinstance(steps, ShownLists) else None,
        )

    def discounts(self, gamma: float) -> Tensor:
        """What the value of the next state counts, float32 [n]: 0 where none follows.

        Args:
            gamma: the discount of steps; lists have theirs.
        """
        if self.following is not None:
            return self.following[2]
        return gamma * (~self.last).float()

    @property
    def valued(self) -> Tensor:
        """Where the value of the next state is known or does not count, bool [n, 1]."""
        known = torch.ones_like(self.last) if self.cut is None else ~self.cut
        return known[:, None]

    def next_histories(self, unknown: int) -> tuple[Tensor, Tensor]:
        """The histories of the next states, int64 [n, w], and their lengths, int64 [n].

        Of a list it is that of the user's next list, of a step the history with its action.

        Args:
            unknown: row of the item table that pads a history.
        """
        if self.following is not None:
            return self.following[:2]
        full = self.lengths == self.histories.shape[1]
        moved = torch.roll(self.histories, -1, dims=1)
        after = torch.where(full[:, None], moved, self.histories)
        lengths = self.lengths + (~full).long()
        after[torch.arange(len(after), device=after.device), lengths - 1] = self.actions[:, 0]
        beyond = torch.arange(after.shape[1], device=after.device) >= lengths[:, None]
        return after.masked_fill(beyond, unknown), lengths


@dataclass(frozen=True, slots=True)
class IdDropout:
    """Replaces random ids by the unknown id in training, so that the unknown rows are learnt too.

    Attributes:
        users: probability of replacing a row's user.
        items: probability of replacing an item of a history.
        unknown_user: row of the user table for unknown users.
        unknown_item: row of the item table for unknown items.
    """

    users: float
    items: float
    unknown_user: int
    unknown_item: int

    def apply(self, batch: Batch) -> Batch:
        """The batch with some of its ids replaced."""
        user = torch.rand(len(batch.users), device=batch.users.device) < self.users
        item = torch.rand(batch.histories.shape, device=batch.users.device) < self.items
        return replace(
            batch,
            histories=batch.histories.masked_fill(item, self.unknown_item),
            users=batch.users.masked_fill(user, self.unknown_user),
        )


def shuffled(
    steps: Steps, size: int, rng: np.random.Generator, device: torch.device
) -> Iterator[Batch]:
    """All rows once, in a random order, in batches of `size`."""
    order = rng.permutation(len(steps))
    for start in range(0, len(order), size):
        yield Batch.of(steps.take(order[start : start + size]), device)
