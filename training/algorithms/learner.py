"""The interface of an algorithm in training, and functions that the algorithms share."""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding
from torch.optim import Optimizer

from inference.network.network import Network
from training.datasets.batches import Batch


class Learner(Protocol):
    """An algorithm in training.

    Attributes:
        network: the network that it trains.
        result: the network to use: `network` itself, or an average of its weights.
    """

    network: Network
    result: Network

    def update(self, batch: Batch) -> dict[str, Tensor]:
        """Takes one step of learning; the losses before it, scalars by name."""

    def stateful(self) -> dict[str, nn.Module | Optimizer]:
        """Modules and optimizers whose state a checkpoint keeps, by name."""


def state_of(learner: Learner) -> dict[str, Any]:
    """The state dicts of a learner's modules and optimizers, by name."""
    return {name: each.state_dict() for name, each in learner.stateful().items()}


def restore(learner: Learner, state: dict[str, Any]) -> None:
    """Restores what `state_of` returned."""
    for name, each in learner.stateful().items():
        each.load_state_dict(state[name])


def mean_of(real: Tensor, values: Tensor) -> Tensor:
    """The mean of the values [n, k] at the places where `real` [n, k] holds; 0 if none."""
    return torch.where(real, values, 0.0).sum() / real.sum().clamp_min(1)


def soft_update(target: nn.Module, source: nn.Module, tau: float) -> None:
    """Theta' <- tau theta + (1 - tau) theta', parameter by parameter."""
    for slow, fast in zip(target.parameters(), source.parameters(), strict=True):
        slow.data.lerp_(fast.data, tau)


def rows_of(table: Tensor, rows: Tensor) -> Tensor:
    """Rows [.., d] of a table [n, d]: `table[rows]`, with a gradient that repeats bit by bit.

    The gradient of an indexed tensor is added up in the order in which threads come to a row, and
    sums of float32 depend on the order. That of an embedding has one order.
    """
    return embedding(rows, table)
