"""Sums over minutes of event time: events by behavior, recommendations and rewards by policy."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from transforms.columns.frames import Frame, coded
from transforms.columns.packing import order
from transforms.columns.ranges import run_starts
from transforms.messages.events import BEHAVIORS, Bools, EventBatch, Int64s
from transforms.messages.recommendations import Labels

Float64s = npt.NDArray[np.float64]

MINUTE = 60
"""Seconds in a minute."""


@coded
@dataclass(frozen=True, slots=True, eq=False)
class EventMinutes(Frame):
    """Numbers of events by minute of event time and behavior.

    Attributes:
        minute: int64 [n], the minute's first second since the epoch, ascending.
        events: int64 [n, 4], distinct events, by the code of their behavior.
    """

    minute: Int64s
    events: Int64s

    @staticmethod
    def of(events: EventBatch) -> EventMinutes:
        """Counts a batch of distinct events."""
        minute, row = np.unique(events.time // MINUTE, return_inverse=True)
        kinds = len(BEHAVIORS)
        counts = np.bincount(row * kinds + events.behavior, minlength=len(minute) * kinds)
        return EventMinutes(minute * MINUTE, counts.reshape(-1, kinds).astype(np.int64))

    @staticmethod
    def merged(parts: Iterable[EventMinutes]) -> EventMinutes:
        """Adds up counts: one row a minute."""
        rows = EventMinutes.concat(parts)
        minute, row = np.unique(rows.minute, return_inverse=True)
        counts = np.zeros((len(minute), len(BEHAVIORS)), np.int64)
        np.add.at(counts, row, rows.events)
        return EventMinutes(minute, counts)


@coded
@dataclass(frozen=True, slots=True, eq=False)
class PolicyMinutes(Frame):
    """Numbers of recommendations and rewards, by policy and minute of event time.

    Attributes:
        policy: bytes [n], the policy's label.
        minute: int64 [n], the minute's first second since the epoch.
        recommendations: int64 [n].
        hits: int64 [n], recommendations of which the user went on to at least one item.
        reward: float64 [n], the sum of their rewards.
    """

    policy: Labels
    minute: Int64s
    recommendations: Int64s
    hits: Int64s
    reward: Float64s

    @staticmethod
    def summed(
        policies: Labels, policy: Int64s, minute: Int64s, hit: Bools, reward: Float64s
    ) -> PolicyMinutes:
        """Adds up recommendations.

        Args:
            policies: bytes [p], labels.
            policy: int64 [n], each recommendation's index in `policies`.
            minute: int64 [n], the first second of its minute.
            hit: bool [n], whether the user went on to one of its items.
            reward: float64 [n], what it earned.
        """
        rows = order(policy, minute)
        policy, minute = policy[rows], minute[rows]
        starts = run_starts(policy, minute)
        return PolicyMinutes(
            policies[policy[starts]],
            minute[starts],
            np.diff(np.append(starts, len(rows))),
            np.add.reduceat(hit[rows].astype(np.int64), starts),
            np.add.reduceat(reward[rows], starts),
        )

    @staticmethod
    def merged(parts: Iterable[PolicyMinutes]) -> PolicyMinutes:
        """Adds up sums: one row per policy and minute, sorted by them."""
        rows = PolicyMinutes.concat(parts)
        rows = rows.take(np.lexsort((rows.minute, rows.policy)))
        starts = run_starts(rows.policy, rows.minute)
        return PolicyMinutes(
            rows.policy[starts],
            rows.minute[starts],
            np.add.reduceat(rows.recommendations, starts),
            np.add.reduceat(rows.hits, starts),
            np.add.reduceat(rows.reward, starts),
        )
