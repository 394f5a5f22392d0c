"""The algorithms of `training.train` by name: the built-in ones, and those of other packages.

A package adds an algorithm with an entry point of the group `rivulet.algorithms` that names an
`Algorithm`:

    [project.entry-points."rivulet.algorithms"]
    reward-weighted = "my_package.reward_weighted:ALGORITHM"

The module imports no PyTorch, so that `--help` starts fast.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rivulet.errors import UserError
from rivulet.plugins import PluginError, Plugins
from training.algorithms.options import (
    BcqOptions,
    DdpgOptions,
    DiscreteBcqOptions,
    ReinforceOptions,
    RewardsOptions,
)

if TYPE_CHECKING:
    from torch import nn

    from inference.network.network import Network
    from training.algorithms.learner import Learner
    from training.algorithms.softmax import ItemSampler
    from training.datasets.batches import Steps
    from training.trainer.config import TrainConfig

GROUP = "rivulet.algorithms"

BUILT_IN = {
    "reinforce": ("training.algorithms.reinforce", ReinforceOptions),
    "ddpg": ("training.algorithms.ddpg", DdpgOptions),
    "bcq": ("training.algorithms.bcq", BcqOptions),
    "discrete-bcq": ("training.algorithms.discrete_bcq", DiscreteBcqOptions),
    "rewards": ("training.algorithms.rewards", RewardsOptions),
}
"""The module and the options of each built-in algorithm."""

ALGORITHMS = Plugins(GROUP, {name: f"{module}:ALGORITHM" for name, (module, _) in BUILT_IN.items()})


@dataclass(frozen=True)
class Algorithm:
    """A learning algorithm.

    Attributes:
        name: its name on the command line, and by default that of its policies.
        options: a settings class (`rivulet.settings`); `TrainConfig.options` holds its values.
        head: the network's head that it trains, one of `inference.network.heads.HEADS`. The
            model directory is served under this head, without the algorithm's package.
        make: the learner that trains a network on steps or lists.
        pretrained_head: the head of supervised pretraining; empty for `head`.
        begin_as: sets the algorithm's head so that it acts as the pretrained one, where the two
            differ; None to start from random weights.
        decomposes: whether each item of a list gets its own part of the coming rewards
            (`training.algorithms.slate_credit`) instead of all of them.
        list_gamma: discount per recommended list where `--gamma` does not say it. Above 0 an
            algorithm plans: it must be able to tell what a list does to coming ones from noise.
    """

    name: str
    options: type[Any]
    head: str
    make: Callable[[Network, ItemSampler, TrainConfig, Steps], Learner]
    pretrained_head: str = ""
    begin_as: Callable[[nn.Module, nn.Module], None] | None = None
    decomposes: bool = False
    list_gamma: float = 0.0


class AlgorithmError(UserError):
    """No algorithm has a name, or one cannot be loaded."""


def names() -> list[str]:
    """The names of all algorithms, built-in ones first."""
    return list(ALGORITHMS.names())


def find_algorithm(name: str) -> Algorithm:
    """The algorithm of a name.

    Raises:
        AlgorithmError: there is none, or it cannot be loaded.
    """
    try:
        found = ALGORITHMS.find(name)
    except PluginError as error:
        raise AlgorithmError(f"algorithm {error}") from error
    if found is None:
        raise AlgorithmError(f"algorithm {name!r} is not known; choose from {', '.join(names())}")
    if not isinstance(found, Algorithm):
        raise AlgorithmError(f"algorithm {name!r}: {found!r} is no Algorithm")
    return found
