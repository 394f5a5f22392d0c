"""Policies for tests: simple arithmetic, the same in the stream and in the oracle."""

from dataclasses import dataclass, replace

import numpy as np

from transforms.messages.events import Int64s
from transforms.messages.exclusions import Exclusions
from transforms.messages.new_items import NewPlaces
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
        new: int = 0,
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
        lists = RankedLists.deterministic(items, length, LABEL)
        if not new or exclusions is None:
            return lists
        beside = NewPlaces.empty(len(users), new)
        for rows, part in exclusions.groups():
            # The newest ones, whatever the user likes.
            fresh = part.available[0].new.items.tolist()
            for row in rows.tolist():
                taken = set(exclusions.items[row, : exclusions.length[row]].tolist())
                taken |= set() if repeat_consumed else set(histories[row, : lengths[row]].tolist())
                chosen = [item for item in fresh if item not in taken][:new]
                beside.items[row, : len(chosen)] = chosen
                beside.length[row] = len(chosen)
        return replace(lists, new=beside)
