"""No model at all, for those who want popular items alone."""

from __future__ import annotations

from dataclasses import dataclass

from transforms.messages.events import Int64s
from transforms.messages.ranked_lists import RankedLists


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
    ) -> RankedLists:
        """Nothing for anybody."""
        del histories, lengths, repeat_consumed
        return RankedLists.empty(len(users), k)
