"""A shard's open recommendations and what they have earned so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from transforms.columns.codec import Column
from transforms.columns.frames import Frame, coded
from transforms.columns.packing import order
from transforms.feedback.matching import EventMatching
from transforms.messages.behaviors import USUAL_REWARDS
from transforms.messages.events import Bools, EventBatch, Float32s, Int8s, Int64s
from transforms.messages.ranking import RankedBatch
from transforms.messages.value_weight import ValueWeight


@coded
@dataclass(frozen=True, slots=True, eq=False)
class OpenTable(Frame):
    """Recommendations whose reward window is open, or that are their user's latest.

    Attributes:
        user: int64 [n]; rows are sorted by (user, time).
        time: int64 [n], the ranking time in seconds since the epoch.
        items: int64 [n, k], best first, padded with 0.
        length: int64 [n], how many of `items` are valid.
        policy: int64 [n], the policy, as an index into `FeedbackState.policies`.
        best: int8 [n, k], 1 + the code of the behavior on each item that earned most so far, of
            equal ones the greater code; 0 for none.
        seen: bool [n, k], items with an event between the ranking time and the user's next one.
        closed: bool [n], the list was not shown, or its feedback has been emitted; the row is only
            kept as its user's latest.
        propensities: float32 [n, k], as in RankedBatch; [n, 0] where no feedback log is kept.
        history: int64 [n, h], as in RankedBatch; [n, 0] where no feedback log is kept.
        history_length: int64 [n], as in RankedBatch.
        earned: float32 [n, k], the reward of `best` weighed by its event's value; [n, 0] where
            values do not count. 0 where `best` is not known with its value.
    """

    USERS: ClassVar[tuple[str, ...]] = ("user",)
    ITEMS: ClassVar[tuple[str, ...]] = ("items", "history")

    user: Int64s
    time: Int64s
    items: Int64s
    length: Int64s
    policy: Int64s
    best: Int8s
    seen: Bools
    closed: Bools
    propensities: Float32s
    history: Int64s
    history_length: Int64s
    earned: Float32s

    @staticmethod
    def opened(batch: RankedBatch, *, keep_log: bool, weigh: bool = False) -> OpenTable:
        """New recommendations, without events.

        Args:
            batch: the recommendations.
            keep_log: whether to keep the columns that only the feedback log needs.
            weigh: whether values weigh rewards.
        """
        row = batch.list_index
        rows, size = len(row), batch.items.shape[1]
        return OpenTable(
            batch.user,
            batch.time,
            batch.items[row],
            batch.length[row],
            batch.policy_index[row],
            np.zeros((rows, size), np.int8),
            np.zeros((rows, size), bool),
            np.zeros(rows, bool),
            batch.propensities[row] if keep_log else np.zeros((rows, 0), np.float32),
            batch.history[row] if keep_log else np.zeros((rows, 0), np.int64),
            batch.history_length[row],
            np.zeros((rows, size if weigh else 0), np.float32),
        ).named(batch.names)

    @classmethod
    def joined(cls, tables: Sequence[OpenTable]) -> OpenTable:
        """The rows of all tables (at least one row), in order.

        A resumed job may have other numbers of recommendations or history items than the one that
        saved the state. Narrower columns are padded with 0.
        """
        filled = [table.columns() for table in tables if len(table)]
        whole = cls(*(_joined_column(columns) for columns in zip(*filled, strict=True)))
        return whole.named(*(table.names for table in tables))

    def ordered(self) -> OpenTable:
        """Sorted by user and time."""
        return self.take(order(self.user, self.time))

    def is_latest(self) -> Bools:
        """Which rows are their user's latest: bool [n]."""
        return np.append(self.user[1:] != self.user[:-1], np.ones(min(len(self), 1), bool))

    def rewards(self, of_behaviors: Sequence[float] = USUAL_REWARDS) -> Float32s:
        """The reward of each item so far: float32 [n, k].

        Args:
            of_behaviors: what an event earns, by the code of its behavior.
        """
        plain = self.plain_rewards(of_behaviors)
        # A factor is at least 1: what was earned before values counted is in `best` alone. A
        # resumed job may have longer lists.
        width = self.earned.shape[1]
        np.maximum(plain[:, :width], self.earned, out=plain[:, :width])
        return plain

    def plain_rewards(self, of_behaviors: Sequence[float] = USUAL_REWARDS) -> Float32s:
        """The same without the events' values: what the behaviors in `best` earn."""
        return np.array([0, *of_behaviors], np.float32)[self.best]

    def apply(
        self,
        events: EventBatch,
        window: int,
        rewards: Sequence[float] = USUAL_REWARDS,
        shown: Int64s | None = None,
        value: ValueWeight | None = None,
    ) -> OpenTable:
        """The table after `events`.

        Args:
            events: by (user, time, item); none is before an event that was applied earlier. An
                event earns its item a reward once: in the latest list that was shown and holds it.
            window: seconds after the ranking time in which an item earns its reward.
            rewards: what an event earns, by the code of its behavior.
            shown: int64 [n], when each list was shown; None: at its ranking time.
            value: how the events' values weigh their rewards; None where they do not count.
        """
        if not len(self) or not len(events):
            return self
        matching = EventMatching(self.user, self.time, self.items, self.length, events)
        seen = self.seen.copy()
        gains = None if value is None else _gains(events, rewards, value)
        earned = self.earned if gains is None else self.rewards(rewards)
        # Behaviors by what they earn: `best` as places in this order.
        in_order = np.append(0, 1 + np.argsort(rewards, kind="stable")).astype(np.int8)
        place = np.argsort(in_order).astype(np.int8)
        best = place[self.best]
        behavior = place[events.behavior + np.int8(1)]
        for found in matching.in_latest():
            seen[found.row, found.column] = True
        open_rows = ~self.closed
        for found in matching.credited(window, open_rows, shown) if open_rows.any() else ():
            cell = found.row * best.shape[1] + found.column
            event = found.event
            if gains is not None:
                # Of the events that earn most, the behaviors; where none did before, of those.
                before = earned.reshape(-1)[cell]
                np.maximum.at(earned.reshape(-1), cell, gains[event])
                most = earned.reshape(-1)[cell]
                best.reshape(-1)[cell[most > before]] = 0
                cell, event = (column[gains[event] == most] for column in (cell, event))
            np.maximum.at(best.reshape(-1), cell, behavior[event])
        return self.replaced(seen=seen, best=in_order[best], earned=earned)

    def repeats(self, memory: int = 0) -> Bools:
        """Which lists are not shown: those without items, and those like the user's list before.

        Args:
            memory: as in `previous_rewards`.

        Returns:
            bool [n].
        """
        same = self._follows(memory) & (self.length[1:] == self.length[:-1])
        same &= (self.items[1:] == self.items[:-1]).all(axis=1)
        repeated: Bools = np.append(np.zeros(min(len(self), 1), bool), same)
        repeated |= self.length == 0
        return repeated

    def _follows(self, memory: int) -> Bools:
        """Which rows but the first have a row before of their user: bool [n - 1]."""
        same_user: Bools = self.user[1:] == self.user[:-1]
        if memory:
            same_user = same_user & (self.time[1:] - self.time[:-1] <= memory)
        return same_user

    def previous_rewards(self, memory: int = 0) -> Int64s:
        """For each row, how many items of the user's row before it were seen: int64 [n].

        Args:
            memory: seconds after which a row no longer counts as the one before; 0 for never.

        Returns:
            The numbers; -1 where there is no row before.
        """
        hits = self.seen.sum(axis=1)
        before = np.where(self._follows(memory), hits[:-1], -1)
        return np.append(np.full(min(len(self), 1), -1), before)


def _gains(events: EventBatch, rewards: Sequence[float], value: ValueWeight) -> Float32s:
    """What each event earns: float32 [n]."""
    gains = np.array(rewards, np.float64)[events.behavior]
    if events.details is not None:
        gains *= value.factors(events.details.value)
    return gains.astype(np.float32)


def _joined_column(columns: Sequence[Column]) -> Column:
    widths = {column.shape[1:] for column in columns}
    if len(widths) == 1:
        return np.concatenate(columns)
    (width,) = max(widths)
    missing = [width - column.shape[1] for column in columns]
    return np.concatenate(
        [np.pad(column, ((0, 0), (0, n))) for column, n in zip(columns, missing, strict=True)]
    )
