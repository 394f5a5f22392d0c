"""The options of the built-in algorithms.

The module imports no PyTorch, so that `--help` starts fast.
"""

from __future__ import annotations

from dataclasses import dataclass

from rivulet.settings import option

PROPENSITIES = ("auto", "logged", "learnt")


@dataclass(frozen=True)
class ReinforceOptions:
    """REINFORCE.

    Attributes:
        top_k: K, the length of the lists; 1 for no top-K correction.
        cap: c, the largest importance weight on lists; 0 for no importance weights.
        cap_events: the same on what users did, which no policy chose.
        propensities: source of beta; logged: the log; learnt: a head of its own; auto: the log
            for lists of which something was drawn, else learnt.
        no_baseline: subtract no learnt baseline.
        learning_rate: AdamW's, for all heads.
        weight_decay: decoupled weight decay.
    """

    top_k: int = option(8, "ITEMS", least=1)
    cap: float = option(3.0, "WEIGHT", least=0)
    cap_events: float = option(0.0, "WEIGHT", least=0)
    propensities: str = option("auto", choices=PROPENSITIES)
    no_baseline: bool = option(False)
    learning_rate: float = 3e-4
    weight_decay: float = 0.0


@dataclass(frozen=True)
class DdpgOptions:
    """DDPG.

    Attributes:
        tau: share of the trained weights that target networks take on per step.
        anchor: weight of the cross-entropy of the logged action in the actor's loss; 0 for the
            paper's loss.
        neighbours: items nearest to the actor's action that the critic ranks (Wolpertinger); 0
            to rank by the actor alone.
        gamma: discount of the next state's value.
        actor_rate: Adam's learning rate for the actor.
        critic_rate: Adam's learning rate for the critic.
    """

    tau: float = option(0.005, "SHARE", least=0, most=1)
    anchor: float = option(0.1, "WEIGHT", least=0)
    neighbours: int = option(0, "ITEMS", least=0, most=4096)
    gamma: float = 0.9
    actor_rate: float = 1e-4
    critic_rate: float = 1e-3


@dataclass(frozen=True)
class BcqOptions:
    """BCQ.

    Attributes:
        tau: share of the trained weights that target networks take on per step.
        soft_minimum: lambda, the weight of the smaller of two critics.
        kl: weight of the VAE's divergence.
        gamma: discount of the next state's value.
        learning_rate: Adam's, for all networks.
    """

    tau: float = option(0.005, "SHARE", least=0, most=1)
    soft_minimum: float = option(0.75, "SHARE", least=0, most=1)
    kl: float = option(1.0, "WEIGHT", least=0)
    gamma: float = 0.9
    learning_rate: float = 1e-3


@dataclass(frozen=True)
class RewardsOptions:
    """Rewards.

    Attributes:
        learning_rate: AdamW's, for all weights.
    """

    learning_rate: float = 2e-3


@dataclass(frozen=True)
class DiscreteBcqOptions:
    """Discrete BCQ.

    Attributes:
        tau: share of the trained weights that the target network takes on per step.
        neighbours: likely items of which the critic chooses.
        gamma: discount of the next state's value.
        learning_rate: Adam's.
    """

    tau: float = option(0.005, "SHARE", least=0, most=1)
    neighbours: int = option(32, "ITEMS", least=1, most=4096)
    gamma: float = 0.9
    learning_rate: float = 1e-3
