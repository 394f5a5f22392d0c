"""Where a worker gets its models from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from inference.model_dir import load_policy
from inference.policy import Policy
from transforms.events import Int64s
from transforms.fill import Ranked
from transforms.recommendations import POLICY_BYTES


@dataclass(frozen=True)
class PolicySource:
    """A model directory.

    Attributes:
        directory: see `inference.model_dir`.
    """

    directory: str

    def load(self) -> PolicyRanker:
        """Loads the model."""
        return PolicyRanker(load_policy(Path(self.directory)))


@dataclass(frozen=True)
class PolicyRanker:
    """A policy as the handler calls it.

    Attributes:
        policy: the model.
    """

    policy: Policy

    def rank(
        self,
        users: Int64s,
        histories: Int64s,
        lengths: Int64s,
        k: int,
        repeat_consumed: bool = False,
    ) -> Ranked:
        """The best `k` items of each row, under the model's label."""
        ranking = self.policy.rank(users, histories, lengths, k, repeat_consumed)
        label = self.policy.info.label.encode()[:POLICY_BYTES]
        return Ranked(
            ranking.items,
            ranking.counts,
            ranking.propensities,
            np.full(len(users), label, f"S{POLICY_BYTES}"),
        )


@dataclass(frozen=True)
class NoPolicy:
    """No model: all get popular items."""

    def load(self) -> NoPolicy:
        """Itself: there is nothing to load."""
        return self

    def rank(
        self,
        users: Int64s,
        histories: Int64s,
        lengths: Int64s,
        k: int,
        repeat_consumed: bool = False,
    ) -> Ranked:
        """Nothing for anybody."""
        del histories, lengths, repeat_consumed
        n = len(users)
        return Ranked(
            np.zeros((n, k), np.int64),
            np.zeros(n, np.int64),
            np.zeros((n, k), np.float32),
            np.zeros(n, f"S{POLICY_BYTES}"),
        )
