"""Ranking requests and their answers: from histories through the policy to feedback.

A shard emits its work as `RankingRequest`s. The policy and the fill turn each into a
`RankedBatch`. Both carry the same `WorkUnit`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from transforms.columns.event_details import Float64s
from transforms.columns.frames import Columns, Frame, coded
from transforms.columns.id_names import IdNames
from transforms.columns.ranges import run_starts
from transforms.messages.events import EventBatch, Float32s, Int8s, Int64s
from transforms.messages.exclusions import Exclusions
from transforms.messages.recommendations import Labels, Recommendations
from transforms.messages.tombstones import NO_TOMBSTONES, Tombstones


@coded
@dataclass(frozen=True, slots=True, eq=False)
class States(Frame):
    """States of users, as a policy sees them.

    Attributes:
        user: int64 [n].
        items: int64 [n, h], the last items, oldest first, left-aligned, padded with 0.
        length: int64 [n], how many of `items` are valid.
    """

    USERS: ClassVar[tuple[str, ...]] = ("user",)
    ITEMS: ClassVar[tuple[str, ...]] = ("items",)

    user: Int64s
    items: Int64s
    length: Int64s


LAST_USER = np.iinfo(np.int64).max
"""The greatest user id."""


@dataclass(frozen=True, slots=True, eq=False)
class WorkUnit:
    """A range of a shard's users, and their events since the shard's previous step.

    A shard's units have sequence numbers. The feedback step processes them in this order, so
    that its results depend neither on the order of arrival nor on a watermark.

    Attributes:
        sequence: number of the unit, from 0, without gaps.
        complete_until: event time in seconds since the epoch; all the shard's events before it
            have been applied.
        last_user: the unit's greatest user id; LAST_USER in the last unit of a step.
        events: the users' events that the step applied, by (user, time, item).
        tombstones: which of the users are forgotten, at times up to `complete_until`.
    """

    sequence: int
    complete_until: int
    last_user: int
    events: EventBatch
    tombstones: Tombstones = NO_TOMBSTONES

    @property
    def header(self) -> Int64s:
        """All but the events: int64 [3 + 2 f]."""
        numbers = np.array([self.sequence, self.complete_until, self.last_user])
        return np.concatenate((numbers, *self.tombstones.columns()))


@dataclass(frozen=True, slots=True, eq=False)
class RankingRequest:
    """Users who get a recommendation, with their states and the popular items.

    A user whose history is equal at several ranking times has one state and several rows.

    Attributes:
        user: int64 [n]; rows are sorted by (user, time).
        time: int64 [n], the ranking time in seconds since the epoch.
        state_index: int64 [n], the row's state in `states`, ascending.
        states: the distinct states.
        ranked: int64 [r], the indices of the states with enough history for the policy.
        popular_index: int64 [n], the row's ranking in `popular_items`; -1 for none.
        popular_items: int64 [p, size], rankings of popular items, best first, padded with 0; for
            `transforms.fill` of what is available at the rows' times.
        popular_length: int64 [p], how many of `popular_items` are valid.
        unit: the work unit.
        names: the texts of the ids; None where all are integers.
        exclusions: a row for each state, the items that its lists must not have; None for none.
    """

    user: Int64s
    time: Int64s
    state_index: Int64s
    states: States
    ranked: Int64s
    popular_index: Int64s
    popular_items: Int64s
    popular_length: Int64s
    unit: WorkUnit
    names: IdNames | None = None
    exclusions: Exclusions | None = None

    def split(self, group: Int64s) -> tuple[RankingRequest, Int64s]:
        """The request with states of one group each.

        Args:
            group: int64 [n], the rows' groups, ascending for the rows of a state.

        Returns:
            The request, and the first row of each of its states.
        """
        starts = run_starts(self.state_index, group)
        state = self.state_index[starts]
        is_next = np.zeros(len(group), np.int64)
        is_next[starts[1:]] = 1
        is_ranked = np.zeros(len(self.states), bool)
        is_ranked[self.ranked] = True
        split = replace(
            self,
            state_index=np.cumsum(is_next),
            states=self.states.take(state),
            ranked=np.flatnonzero(is_ranked[state]),
            exclusions=self.exclusions.take(state) if self.exclusions else None,
        )
        return split, starts


@coded
@dataclass(frozen=True, slots=True, eq=False)
class RankedBatch(Columns):
    """The recommendations of a work unit.

    Equal lists of a user at several ranking times are stored once.

    Attributes:
        user: int64 [n]; rows are sorted by (user, time).
        time: int64 [n], the ranking time in seconds since the epoch.
        list_index: int64 [n], the row's list, ascending.
        last_reward: int64 [n], as in Recommendations; -1 while it is not known.
        items: int64 [l, k], best first, padded with 0.
        length: int64 [l], how many of `items` are valid.
        propensities: float32 [l, k].
        policy_index: int64 [l], the policy in `policies`; 0 where all items are popular items.
        policies: bytes [p], labels of policies; the first one is b"popular".
        history: int64 [l, h], as in States; [l, 0] where it is not kept.
        history_length: int64 [l].
        header: int64 [3 + 2 f], the unit's sequence, complete_until and last_user, then the users
            of its f tombstones and their times.
        event_user: int64 [e], the unit's events, column by column.
        event_item: int64 [e].
        event_behavior: int8 [e].
        event_time: int64 [e].
        event_value: float64 [e], NaN where an event has none; [0] where values do not count.
    """

    USERS: ClassVar[tuple[str, ...]] = ("user", "event_user")
    ITEMS: ClassVar[tuple[str, ...]] = ("items", "history", "event_item")

    user: Int64s
    time: Int64s
    list_index: Int64s
    last_reward: Int64s
    items: Int64s
    length: Int64s
    propensities: Float32s
    policy_index: Int64s
    policies: Labels
    history: Int64s
    history_length: Int64s
    header: Int64s
    event_user: Int64s
    event_item: Int64s
    event_behavior: Int8s
    event_time: Int64s
    event_value: Float64s

    @property
    def unit(self) -> WorkUnit:
        """The work unit."""
        sequence, complete_until, last_user = self.header[:3].tolist()
        tombstones = Tombstones(*self.header[3:].reshape(2, -1))
        columns = self.event_user, self.event_item, self.event_behavior, self.event_time
        events = EventBatch(*columns).named(self.names)
        if len(self.event_value):
            events = events.valued(self.event_value)
        return WorkUnit(sequence, complete_until, last_user, events, tombstones)

    def rows(self) -> Recommendations:
        """The recommendations as rows, as stores take them."""
        row = self.list_index
        return Recommendations(
            self.user,
            self.time,
            self.items[row],
            self.length[row],
            self.propensities[row],
            self.policies[self.policy_index[row]],
            self.last_reward,
        ).named(self.names)
