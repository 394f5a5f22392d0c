"""From what a policy ranked to what is shown: filled up with popular items (spec section 4)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from transforms.events import Bools, Float32s, Int64s
from transforms.recommendations import POLICY_BYTES, Due, Recommendations

POPULAR = b"popular"
"""The policy's label where the list is all popular items."""


@dataclass(frozen=True, slots=True, eq=False)
class Ranked:
    """What a policy gives for states, a row each.

    Attributes:
        items: int64 [r, k], best first, padded with 0.
        length: int64 [r], how many of `items` are real.
        propensities: float32 [r, k].
        policy: bytes [r], the label of the model that ranked (UTF-8).
    """

    items: Int64s
    length: Int64s
    propensities: Float32s
    policy: npt.NDArray[np.bytes_]


def holds(lists: Int64s, length: Int64s, items: Int64s) -> Bools:
    """Which items are in the row's list: bool [n, m] for lists [n, h] and items [n, m]."""
    found = np.zeros(items.shape, bool)
    for place in range(lists.shape[1]):
        found |= (lists[:, place, None] == items) & (place < length)[:, None]
    return found


def fill(
    due: Due, ranked: Ranked, size: int, *, repeat_consumed: bool, keep_history: bool
) -> Recommendations:
    """Makes the recommendations that are due.

    Args:
        due: who is due, with states and popular items.
        ranked: the policy's answer for `due.ranked`, in its order.
        size: items of a recommendation.
        repeat_consumed: whether items of the history may be recommended.
        keep_history: whether the rows carry the history on, for the feedback log.
    """
    states = len(due.states)
    items = np.zeros((states, size), np.int64)
    length = np.zeros(states, np.int64)
    propensities = np.zeros((states, size), np.float32)
    policy = np.full(states, POPULAR, f"S{POLICY_BYTES}")
    items[due.ranked] = ranked.items
    length[due.ranked] = ranked.length
    propensities[due.ranked] = ranked.propensities
    by_policy = ranked.length > 0
    policy[due.ranked[by_policy]] = ranked.policy[by_policy]

    state = due.state
    rows = Recommendations(
        due_at=np.full(len(state), due.due_at, np.int64),
        user=due.user,
        time=due.time,
        items=items[state],
        length=length[state],
        propensities=propensities[state],
        policy=policy[state],
        last_reward=np.full(len(state), -1, np.int64),
        history=due.states.items[state] if keep_history else np.zeros((len(state), 0), np.int64),
        history_length=due.states.length[state],
    )
    _fill_up(rows, due, repeat_consumed=repeat_consumed)
    return rows


def _fill_up(rows: Recommendations, due: Due, *, repeat_consumed: bool) -> None:
    """Puts popular items behind what the policy gave, in place."""
    size = rows.items.shape[1]
    short = np.flatnonzero((rows.length < size) & (due.popular >= 0))
    if not len(short):
        return
    place = due.popular[short]
    candidates = due.popular_items[place]
    free = np.arange(candidates.shape[1]) < due.popular_length[place][:, None]
    length = rows.length[short]
    free &= ~holds(rows.items[short], length, candidates)
    if not repeat_consumed:
        states = due.states.take(due.state[short])
        free &= ~holds(states.items, states.length, candidates)
    target = length[:, None] + np.cumsum(free, axis=1) - 1
    row, column = np.nonzero(free & (target < size))
    at = target[row, column]
    rows.items[short[row], at] = candidates[row, column]
    rows.propensities[short[row], at] = 1.0
    rows.length[short] = np.minimum(length + free.sum(axis=1), size)
