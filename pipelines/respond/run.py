"""Runs the world that answers on the lists of a store or of the API, in steps of event time.

At each multiple of the period: the events up to it are written, then each user with a session sees
its newest list and reacts. Equal lists give equal events, whatever the speed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pipelines.respond.lists import Lists, Newest, as_matrix
from pipelines.respond.outputs import Output
from simulation.latents import Int64s
from simulation.responsive.catalogue import NEVER
from simulation.responsive.world import ResponsiveWorld
from transforms.messages.events import BEHAVIORS, EventBatch

EVENTS_HEADER = "user,item,time,behavior"
IMPRESSIONS_HEADER = "user,T,time"


@dataclass
class RespondCounts:
    """Counts of a run.

    Attributes:
        events: events written, the reactions included.
        offered: lists that were there when a user could look at one.
        seen: lists that users looked at; impressions.
        reactions: items of these lists that were viewed.
        reward: sum of the rewards of the reactions.
    """

    events: int = 0
    offered: int = 0
    seen: int = 0
    reactions: int = 0
    reward: float = 0.0


def respond(
    world: ResponsiveWorld,
    lists: Lists,
    events: Output,
    impressions: Output | None,
    size: int,
    age: int,
    wait: Callable[[int], None] = lambda moment: None,
    counts: RespondCounts | None = None,
    progress: Callable[[int], None] = lambda events: None,
) -> RespondCounts:
    """Runs a world until no user has events.

    Args:
        world: the world; its state changes.
        lists: what users see.
        events: takes the events, by time.
        impressions: takes the lists that were seen; None for nobody.
        size: items of a list that are seen.
        age: oldest list that is seen, in seconds.
        wait: called with each step's time before its events are written.
        counts: updated in each step; None for new ones.
        progress: called with the number of further events that are written.

    Raises:
        ListsError: no lists can be read.
    """
    counts = counts or RespondCounts()
    while len(world.pending) or (world.due != NEVER).any():
        moment = _next(world)
        wait(moment)
        ready = world.pending.user[world.pending.time < moment]
        ready = np.union1d(np.flatnonzero(world.due == moment) + 1, ready)
        done = world.advance(ready, np.full(len(ready), moment))
        _write_events(events, done)
        counts.events += len(done)
        progress(len(done))
        users = np.flatnonzero(world.due == moment) + 1
        if not len(users):
            continue
        found = lists.newest(users.tolist(), moment)
        shown = as_matrix(found, moment, age, size)
        got = world.show(users, np.full(len(users), moment), shown)
        counts.offered += int((shown > 0).any(axis=1).sum())
        counts.seen += int(got.seen.sum())
        counts.reactions += int((got.behaviors >= 0).sum())
        counts.reward += float(got.rewards.sum())
        if impressions is not None:
            _write_impressions(impressions, users, found, got.seen, moment)
    return counts


def _next(world: ResponsiveWorld) -> int:
    """The next multiple of the period at which there is something to do."""
    due = int(world.due.min())
    if len(world.pending):
        after = int(world.pending.time.min()) // world.period * world.period + world.period
        due = min(due, after)
    return due


def _write_events(output: Output, events: EventBatch) -> None:
    events = events.take(np.argsort(events.time, kind="stable"))
    columns = (events.user, events.item, events.time, events.behavior)
    rows = list(zip(*(column.tolist() for column in columns), strict=True))
    output.write(
        events.user.tolist(),
        [f"{user},{item},{time},{BEHAVIORS[code]}" for user, item, time, code in rows],
    )


def _write_impressions(
    output: Output, users: Int64s, found: list[Newest | None], seen: np.ndarray, moment: int
) -> None:
    rows = [
        (user, each[0])
        for user, each, looked in zip(users.tolist(), found, seen.tolist(), strict=True)
        if looked and each is not None
    ]
    output.write([user for user, _ in rows], [f"{user},{at},{moment}" for user, at in rows])
