"""No model at all, for those who want popular items alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from transforms.fill import Ranked
from transforms.messages.events import Int64s
from transforms.messages.recommendations import POLICY_BYTES


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
