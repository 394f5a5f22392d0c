"""A network whose weights are a moving average of those of a network in training.

The steps of stochastic learning never come to rest: the mean of the last weights lies nearer to
where they go than any of them, and ranks better (Polyak and Juditsky, 1992). With t the number of
the step, theta' <- d theta' + (1 - d) theta, d = min(DECAY, (1 + t) / (10 + t)): the average soon
forgets where it began.
"""

from __future__ import annotations

import torch
from torch import nn

from training.algorithms.learner import soft_update

DECAY = 0.998
"""The last 500 steps count, about."""


@torch.no_grad()
def follow(average: nn.Module, network: nn.Module, step: int) -> None:
    """Moves the average a step.

    Args:
        average: a copy of the network, as it began.
        network: after a step of learning.
        step: how many there were, this one among them.
    """
    soft_update(average, network, 1 - min(DECAY, (1 + step) / (10 + step)))
