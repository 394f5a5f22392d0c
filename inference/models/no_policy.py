"""No model: all users get popular items."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from transforms.messages.exclusions import Exclusions
from transforms.messages.ranked_lists import RankedLists

Int64s = npt.NDArray[np.int64]


@dataclass(frozen=True)
class NoPolicy:
    """A ranker, and its own source, that ranks nothing."""

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
        exclusions: Exclusions | None = None,
        scored: bool = False,
        new: int = 0,
    ) -> RankedLists:
        """An empty list for each user."""
        del histories, lengths, repeat_consumed, exclusions, scored, new
        return RankedLists.empty(len(users), k)
