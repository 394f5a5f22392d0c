"""Transitions as tensors, a batch at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from training.data import Transitions


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Rows of `Transitions` as tensors, of the same names, shapes and meaning."""

    histories: Tensor
    lengths: Tensor
    users: Tensor
    actions: Tensor
    rewards: Tensor
    returns: Tensor
    last: Tensor

    @staticmethod
    def of(steps: Transitions, device: torch.device) -> Batch:
        """These steps, on a device."""
        columns = (getattr(steps, name) for name in Batch.__slots__)
        return Batch(*(torch.from_numpy(column).to(device) for column in columns))

    def next_histories(self, unknown: int) -> tuple[Tensor, Tensor]:
        """The histories after the action, int64 [n, w] and their lengths int64 [n].

        Args:
            unknown: the row that fills a history.
        """
        full = self.lengths == self.histories.shape[1]
        moved = torch.roll(self.histories, -1, dims=1)
        after = torch.where(full[:, None], moved, self.histories)
        lengths = self.lengths + (~full).long()
        after[torch.arange(len(after), device=after.device), lengths - 1] = self.actions
        beyond = torch.arange(after.shape[1], device=after.device) >= lengths[:, None]
        return after.masked_fill(beyond, unknown), lengths


@dataclass(frozen=True, slots=True)
class Strangers:
    """Which ids are hidden in training, so that the unknown rows are learnt too.

    Attributes:
        users: share of rows whose user is taken for an unknown one.
        items: share of a history's items that are taken for unknown ones.
        unknown_user: row of the user table for it.
        unknown_item: row of the item table for it.
    """

    users: float
    items: float
    unknown_user: int
    unknown_item: int

    def hide(self, batch: Batch) -> Batch:
        """The batch with some of its ids hidden."""
        user = torch.rand(len(batch.users), device=batch.users.device) < self.users
        item = torch.rand(batch.histories.shape, device=batch.users.device) < self.items
        return Batch(
            batch.histories.masked_fill(item, self.unknown_item),
            batch.lengths,
            batch.users.masked_fill(user, self.unknown_user),
            batch.actions,
            batch.rewards,
            batch.returns,
            batch.last,
        )


def shuffled(
    steps: Transitions, size: int, rng: np.random.Generator, device: torch.device
) -> Iterator[Batch]:
    """All steps once, in a random order, in batches of `size`."""
    order = rng.permutation(len(steps))
    for start in range(0, len(order), size):
        yield Batch.of(steps.take(order[start : start + size]), device)
