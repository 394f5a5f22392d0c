"""What the algorithms have in common for the loop that runs them."""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from inference.network.network import Network
from training.datasets.batches import Batch


class Learner(Protocol):
    """An algorithm in training.

    Attributes:
        network: what it trains.
        result: what comes of it: the network itself, or another of its shape.
    """

    network: Network
    result: Network

    def update(self, batch: Batch) -> dict[str, Tensor]:
        """One step of learning; the losses before it, by name."""

    def parts(self) -> dict[str, nn.Module | Optimizer]:
        """All that has a state to be kept in a checkpoint, by name."""


def state_of(learner: Learner) -> dict[str, Any]:
    """The state dicts of all of the learner's parts."""
    return {name: part.state_dict() for name, part in learner.parts().items()}


def restore(learner: Learner, state: dict[str, Any]) -> None:
    """Sets the parts to what `state_of` gave."""
    for name, part in learner.parts().items():
        part.load_state_dict(state[name])


def mean_of(real: Tensor, values: Tensor) -> Tensor:
    """The mean of the values [n, k] at the places that are real, bool [n, k]; 0 without any."""
    return torch.where(real, values, 0.0).sum() / real.sum().clamp_min(1)


def soft_update(target: nn.Module, source: nn.Module, tau: float) -> None:
    """Theta' <- tau theta + (1 - tau) theta', parameter by parameter."""
    for slow, fast in zip(target.parameters(), source.parameters(), strict=True):
        slow.data.lerp_(fast.data, tau)
