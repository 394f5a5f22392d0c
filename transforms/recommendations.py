"""What flows between histories, the policy and the stores."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from transforms.events import Bools, Float32s, Int64s
from transforms.frames import Frame, coded
from transforms.ranges import run_starts

Labels = npt.NDArray[np.bytes_]
Float64s = npt.NDArray[np.float64]

POLICY_BYTES = 64
"""Longest label of a policy, in bytes of UTF-8."""


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


@dataclass(frozen=True, slots=True, eq=False)
class Due:
    """Users for whom a recommendation is due, and what it takes to make it.

    A user whose history is the same at several times has one state and several rows.

    Attributes:
        user: int64 [n], the row's user.
        time: int64 [n], the row's T.
        state: int64 [n], the row's place in `states`.
        states: the different states.
        ranked: int64 [r], places in `states` with enough history for the policy.
        popular: int64 [n], the row's place in `popular_items`, -1 for none.
        popular_items: int64 [p, size], items of rankings, best first, padded with 0.
        popular_length: int64 [p].
        due_at: the moment of event time at which this became due (the largest T at least).
    """

    user: Int64s
    time: Int64s
    state: Int64s
    states: States
    ranked: Int64s
    popular: Int64s
    popular_items: Int64s
    popular_length: Int64s
    due_at: int


@coded
@dataclass(frozen=True, slots=True, eq=False)
class Recommendations(Frame):
    """Recommendations, a row per user and T.

    Attributes:
        due_at: int64 [n], when the row became due (no less than `time`).
        user: int64 [n].
        time: int64 [n], T in seconds since the epoch.
        items: int64 [n, k], best first, padded with 0.
        length: int64 [n], how many of `items` are real.
        propensities: float32 [n, k].
        policy: bytes [n], the label of what ranked (UTF-8), or b"popular".
        last_reward: int64 [n], -1 where there was no recommendation before.
        history: int64 [n, h], as in States ([n, 0] where it is not kept).
        history_length: int64 [n].
    """

    COMPRESSED: ClassVar[bool] = True

    due_at: Int64s
    user: Int64s
    time: Int64s
    items: Int64s
    length: Int64s
    propensities: Float32s
    policy: Labels
    last_reward: Int64s
    history: Int64s
    history_length: Int64s


@coded
@dataclass(frozen=True, slots=True, eq=False)
class Feedback(Frame):
    """What came of recommendations, a row each (spec section 5).

    Attributes:
        shown: the columns of Recommendations that were shown: see there.
        rewards: float32 [n, k], per item the reward of the best behavior that the user had
            on it within the reward window; 0 where there was none.
    """

    COMPRESSED: ClassVar[bool] = True

    user: Int64s
    time: Int64s
    items: Int64s
    length: Int64s
    propensities: Float32s
    policy: Labels
    history: Int64s
    history_length: Int64s
    rewards: Float32s


@coded
@dataclass(frozen=True, slots=True, eq=False)
class PolicyMinutes(Frame):
    """What came of a policy's recommendations in a minute of event time.

    Attributes:
        policy: bytes [n], the policy's label.
        minute: int64 [n], the minute's first second since the epoch.
        recommendations: int64 [n].
        hits: int64 [n], recommendations of which the user went on to an item at least.
        reward: float64 [n], the sum of their rewards.
    """

    policy: Labels
    minute: Int64s
    recommendations: Int64s
    hits: Int64s
    reward: Float64s

    @staticmethod
    def summed(policy: Labels, minute: Int64s, hit: Bools, reward: Float64s) -> PolicyMinutes:
        """Sums over recommendations, a row each, ordered by (policy, minute)."""
        names, code = coded_labels(policy)
        order = np.lexsort((minute, code))
        code, minute = code[order], minute[order]
        starts = run_starts(code, minute)
        return PolicyMinutes(
            names[code[starts]],
            minute[starts],
            np.diff(np.append(starts, len(order))),
            np.add.reduceat(hit[order].astype(np.int64), starts),
            np.add.reduceat(reward[order], starts),
        )

    @staticmethod
    def merged(parts: Iterable[PolicyMinutes]) -> PolicyMinutes:
        """Sums of sums: one row per policy and minute, ordered by them."""
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


def coded_labels(labels: Labels) -> tuple[Labels, Int64s]:
    """Few different labels, and each row's place among them (faster than sorting strings)."""
    code = np.full(len(labels), -1, np.int64)
    names: list[bytes] = []
    while (rest := np.flatnonzero(code < 0)).size:
        name = labels[rest[0]]
        code[rest[labels[rest] == name]] = len(names)
        names.append(bytes(name))
    order = np.argsort(np.array(names, labels.dtype))
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return np.array(names, labels.dtype)[order], rank[code]
