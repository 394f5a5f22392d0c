"""Runs the world that answers with a policy, without a pipeline.

Each step shows a list to every user at its own next time. Users do not influence each other, so
that the steps may be at different times of different users.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from simulation.latents import Float32s, Int64s
from simulation.responsive.world import ResponsiveWorld
from transforms.messages.events import EventBatch

ShowLists = Callable[[Int64s, Int64s, Int64s], Int64s]
"""A policy: from users (ids) [n], times [n] and histories [n, 10] to lists [n, k].

Histories are ids of items, oldest first, with the padding 0 before the first one.
"""


@dataclass(frozen=True, slots=True, eq=False)
class Played:
    """What happened: one row a list that was offered, ordered by (time, user), and all events.

    Attributes:
        users: int64 [n], ids.
        times: int64 [n], seconds since the epoch.
        histories: int64 [n, 10], ids of items, oldest first, 0 before the first one.
        lists: int64 [n, k], ids of items.
        seen: bool [n], the user looked at the list.
        behaviors: int8 [n, k], the best behavior on each item; -1 for none.
        rewards: float32 [n, k], the rewards of the behaviors.
        events: the events, users' own ones included, ordered by (time, user, item, behavior).
    """

    users: Int64s
    times: Int64s
    histories: Int64s
    lists: Int64s
    seen: npt.NDArray[np.bool_]
    behaviors: npt.NDArray[np.int8]
    rewards: Float32s
    events: EventBatch

    def __len__(self) -> int:
        return len(self.users)


def play(
    world: ResponsiveWorld,
    policy: ShowLists | None = None,
    until: int | None = None,
    observe: Callable[[Int64s, Int64s, Int64s], None] = lambda users, times, lists: None,
) -> Played:
    """Runs the world from where it stands.

    Args:
        world: the world; its state changes.
        policy: shows the lists; None for empty ones.
        until: lists and events before this time, in seconds since the epoch; None for all.
        observe: called before each step with the users, times and lists.
    """
    end = int(np.iinfo(np.int64).max) if until is None else until
    rows: list[tuple[npt.NDArray[Any], ...]] = []
    parts = [EventBatch.empty()]
    while len(users := np.flatnonzero(world.due < end) + 1):
        times = world.due[users - 1]
        parts.append(world.advance(users, times))
        histories = world.memory.history[users - 1].copy()
        lists = np.zeros((len(users), 1), np.int64)
        if policy is not None:
            lists = policy(users, times, histories)
        observe(users, times, lists)
        got = world.show(users, times, lists)
        rows.append((users, times, histories, lists, got.seen, got.behaviors, got.rewards))
    everyone = np.arange(1, world.world.users + 1)
    if until is None:
        parts.append(world.rest())
    else:
        parts.append(world.advance(everyone, np.full(len(everyone), until)))
    columns = [np.concatenate(column) for column in zip(*rows, strict=True)] or _NOTHING
    order = np.lexsort((columns[0], columns[1]))
    all_events = EventBatch.concat(parts).ordered()
    by_time = np.argsort(all_events.time, kind="stable")
    user, time, history, items, seen, behaviors, rewards = (each[order] for each in columns)
    events = all_events.take(by_time)
    return Played(user, time, history, items, seen, behaviors, rewards, events)


_NOTHING = [
    np.empty(0, np.int64), np.empty(0, np.int64), np.empty((0, 10), np.int64),
    np.empty((0, 1), np.int64), np.empty(0, bool), np.empty((0, 1), np.int8),
    np.empty((0, 1), np.float32),
]  # fmt: skip
