"""Policies for tests: simple arithmetic, the same in the stream and in the oracle."""

from dataclasses import dataclass

import numpy as np

from transforms.messages.events import Int64s
from transforms.messages.exclusions import Exclusions
from transforms.messages.ranked_lists import RankedLists

LABEL = b"fake-1"


def ranked_items(user: int, history: list[int], k: int, repeat_consumed: bool = False) -> list[int]:
    """A list that depends on the user and on every place of the history; sometimes short."""
    seed = user + sum((place + 1) * item for place, item in enumerate(history))
    items: list[int] = []
    for step in range(k - seed % 3):
        item = (seed // 7 + step * 11) % 1009
        if item not in items and (repeat_consumed or item not in history):
            items.append(item)
    return items


@dataclass(frozen=True)
class FakeSource:
    """Gives itself as the model."""

    def load(self) -> "FakeSource":
        return self

    def rank(
        self,
        users: Int64s,
        histories: Int64s,
        lengths: Int64s,
        k: int,
        repeat_consumed: bool = False,
        exclusions: Exclusions | None = None,
    ) -> RankedLists:
        items = np.zeros((len(users), k), np.int64)
        length = np.zeros(len(users), np.int64)
        for row, (user, history, size) in enumerate(
            zip(users.tolist(), histories.tolist(), lengths.tolist(), strict=True)
        ):
            found = ranked_items(user, history[:size], k, repeat_consumed)
            if exclusions:
                own = exclusions.take(np.array([row]))
                allowed = own.allows(np.array([found], np.int64))[0]
                found = [item for item, fine in zip(found, allowed, strict=True) if fine]
            items[row, : len(found)] = found
            length[row] = len(found)
        return RankedLists.deterministic(items, length, LABEL)
