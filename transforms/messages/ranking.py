"""Ranking requests and the lists that answer them: between histories, policy and feedback."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from transforms.columns.frames import Columns, Frame, coded
from transforms.messages.events import EventBatch, Float32s, Int8s, Int64s
from transforms.messages.recommendations import Labels, Recommendations


@coded
@dataclass(frozen=True, slots=True, eq=False)
class States(Frame):
    """States to rank for: what a policy sees of a user.

    Attributes:
        user: int64 [n].
        items: int64 [n, h], the last items, oldest first, left-aligned, padded with 0.
        length: int64 [n], how many of `items` are real.
    """

    user: Int64s
    items: Int64s
    length: Int64s


LAST_USER = np.iinfo(np.int64).max
"""No user's id is greater."""


@dataclass(frozen=True, slots=True, eq=False)
class WorkUnit:
    """A part of what a shard gives up to a moment: a range of its users.

    The parts of a shard are numbered as they are given. What follows takes them by number,
    so that it depends neither on their order of arrival nor on a watermark.

    Attributes:
        number: of the part, from 0, without a gap.
        now: the moment up to which all events of the shard have been applied.
        upto: the last user of the part; LAST_USER in the last part up to this moment.
        events: what the part's users did since the moment before, by (user, time, item).
    """

    number: int
    now: int
    upto: int
    events: EventBatch


@dataclass(frozen=True, slots=True, eq=False)
class RankingRequest:
    """Users for whom a recommendation is due, and what it takes to make it.

    A user whose history is the same at several times has one state and several rows.

    Attributes:
        user: int64 [n], the row's user; rows are ordered by (user, time).
        time: int64 [n], the row's T.
        state: int64 [n], the row's place in `states`, ascending.
        states: the different states.
        ranked: int64 [r], places in `states` with enough history for the policy.
        popular: int64 [n], the row's place in `popular_items`, -1 for none.
        popular_items: int64 [p, size], items of rankings, best first, padded with 0.
        popular_length: int64 [p].
        part: the part of a shard's work that this is.
    """

    user: Int64s
    time: Int64s
    state: Int64s
    states: States
    ranked: Int64s
    popular: Int64s
    popular_items: Int64s
    popular_length: Int64s
    part: WorkUnit


@coded
@dataclass(frozen=True, slots=True, eq=False)
class RankedBatch(Columns):
    """A part of a shard's recommendations, and the events of the same users.

    Users who are due several times without a change get one list, which is here once.

    Attributes:
        user: int64 [n]; rows are ordered by (user, time).
        time: int64 [n], T.
        place: int64 [n], the row's list, ascending.
        last_reward: int64 [n], as in Recommendations; -1 as long as it is not known.
        items: int64 [l, k], best first, padded with 0.
        length: int64 [l], how many of `items` are real.
        propensities: float32 [l, k].
        policy: int64 [l], which of `policies` ranked; 0 where all is popular items.
        policies: bytes [p], labels, b"popular" first.
        history: int64 [l, h], as in States ([l, 0] where it is not kept).
        history_length: int64 [l].
        mark: int64 [3], the number, now and upto of the part (see Part).
        event_user: int64 [e], and the other columns of the part's events.
    """

    user: Int64s
    time: Int64s
    place: Int64s
    last_reward: Int64s
    items: Int64s
    length: Int64s
    propensities: Float32s
    policy: Int64s
    policies: Labels
    history: Int64s
    history_length: Int64s
    mark: Int64s
    event_user: Int64s
    event_item: Int64s
    event_behavior: Int8s
    event_time: Int64s

    @property
    def part(self) -> WorkUnit:
        """The part of a shard's work that this is."""
        number, now, upto = self.mark.tolist()
        columns = self.event_user, self.event_item, self.event_behavior, self.event_time
        return WorkUnit(number, now, upto, EventBatch(*columns))

    def rows(self) -> Recommendations:
        """The recommendations as stores take them."""
        place = self.place
        return Recommendations(
            self.user,
            self.time,
            self.items[place],
            self.length[place],
            self.propensities[place],
            self.policies[self.policy[place]],
            self.last_reward,
        )
