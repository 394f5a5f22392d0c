"""The click-stream behind a feedback log (spec section 5), so that policies can learn from it.

A row of the log holds the user's last events before the recommendation's time and the rewards
of what was shown. Successive histories of a user overlap: what a history has beyond the one
before it are the events in between. Their order is known; their times lie between the two
recommendations, one second apart; their behavior is known where the item had just been shown
and rewarded, and `pv` elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np

from transforms.messages.events import BEHAVIORS, REWARDS


class FeedbackRow(NamedTuple):
    """One row of the feedback log, as far as its events go."""

    user: int
    time: int
    history: list[int]
    items: list[int]
    rewards: list[float]


REWARD_WINDOW = 600
"""Seconds in which an item earns its reward (the default of `--reward_window`)."""

Event = tuple[int, int, str, int]


def behavior_of(reward: float) -> str:
    """The strongest behavior that a reward pays for (`fav` for the 2 that `cart` shares)."""
    return BEHAVIORS[int(np.flatnonzero(max(reward, 1.0) >= REWARDS)[-1])]


def new_in(history: list[int], before: list[int]) -> list[int]:
    """What `history` has beyond `before`: the shortest end that explains both."""
    for shared in range(min(len(before), len(history)), 0, -1):
        if before[-shared:] == history[:shared]:
            return history[shared:]
    return history


def rebuild_events(rows: Iterator[FeedbackRow]) -> Iterator[Event]:
    """The events (user, item, label, time) of a feedback log.

    Args:
        rows: the log, by user and then by time.

    Yields:
        Each user's events in their order. Rewarded items that no later history could show come
        last, one second apart after the last recommendation.
    """
    for user, shown in groupby(rows, key=lambda row: row.user):
        before: list[int] = []
        rewarded: dict[int, tuple[float, int]] = {}
        time = -1
        for row in shown:
            fresh = new_in(row.history, before)
            for at, item in enumerate(fresh):
                moment = max(row.time - len(fresh) + at, time + 1, 0)
                yield user, item, behavior_of(rewarded.pop(item, (1.0, 0))[0]), moment
                time = moment
            before = row.history
            gains = zip(row.items, row.rewards, strict=True)
            rewarded.update({item: (reward, row.time) for item, reward in gains if reward > 0})
            shown_at = row.time
        # What could have come after the last history, and no history could show.
        late = [
            (item, reward)
            for item, (reward, at) in rewarded.items()
            if at + REWARD_WINDOW > shown_at
        ]
        for at, (item, reward) in enumerate(late):
            yield user, item, behavior_of(reward), max(shown_at, time) + 1 + at


def as_shown(columns: dict[str, list[Any]]) -> Iterator[FeedbackRow]:
    """Rows out of the log's columns; a history's padding (below zero) is left out."""
    for user, time, history, items, rewards in zip(
        *(columns[name] for name in FeedbackRow._fields), strict=True
    ):
        yield FeedbackRow(user, time, [item for item in history if item >= 0], items, rewards)
