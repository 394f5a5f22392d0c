"""A moving average of the weights of a network in training.

Stochastic gradient steps fluctuate around their mean, so that the mean of the last weights ranks
better than the last weights (Polyak and Juditsky, 1992). With t the number of the step,
theta' <- d theta' + (1 - d) theta, d = min(DECAY, (1 + t) / (10 + t)). The smaller decay of the
first steps forgets the initial weights.
"""

from __future__ import annotations

import torch
from torch import nn

from training.algorithms.learner import soft_update

DECAY = 0.998
"""Averages over about the last 500 steps."""


@torch.no_grad()
def update_average(average: nn.Module, network: nn.Module, step: int) -> None:
    """Updates the average after a step.

    Args:
        average: a copy of the network before its first step; changed in place.
        network: the network after a step of learning.
        step: number of the step, from 1.
    """
    soft_update(average, network, 1 - min(DECAY, (1 + step) / (10 + step)))
