"""From what a policy ranked to what is shown: filled up with popular items (spec section 4)."""

from __future__ import annotations

import numpy as np

from transforms.columns.codec import Column
from transforms.columns.ranges import run_starts
from transforms.messages.events import Bools, Int64s
from transforms.messages.ranked_lists import RankedLists
from transforms.messages.ranking import RankedBatch, RankingRequest
from transforms.messages.recommendations import coded_labels

POPULAR = b"popular"
"""The policy's label where the list is all popular items."""


def holds(lists: Int64s, length: Int64s, items: Int64s) -> Bools:
    """Which items are in the row's list: bool [n, m] for lists [n, h] and items [n, m]."""
    found = np.zeros(items.shape, bool)
    for place in range(lists.shape[1]):
        found |= (lists[:, place, None] == items) & (place < length)[:, None]
    return found


def fill(
    due: RankingRequest,
    ranked: RankedLists,
    size: int,
    *,
    repeat_consumed: bool,
    keep_history: bool,
) -> RankedBatch:
    """Makes the recommendations that are due.

    Args:
        due: who is due, with states and popular items.
        ranked: the policy's answer for `due.ranked`, in its order.
        size: items of a recommendation.
        repeat_consumed: whether items of the history may be recommended.
        keep_history: whether the lists carry the history on, for the feedback log.
    """
    states = len(due.states)
    place = np.full(states, len(due.ranked), np.int64)
    place[due.ranked] = np.arange(len(due.ranked))
    # The policy's answers, and behind them one for the states that it did not rank.
    answered = np.append(ranked.length, 0)
    # A state has one list, and one for each ranking of popular items where these fill it up.
    short = answered[place] < size
    fresh = run_starts(due.state, np.where(short[due.state], due.popular, -1))
    state, popular = due.state[fresh], due.popular[fresh]
    answer = place[state]
    items = _behind(ranked.items, 0)[answer]
    length = answered[answer]
    propensities = _behind(ranked.propensities, 0)[answer]
    policies, code = coded_labels(_behind(ranked.policy, POPULAR)[answer])
    shown = RankedBatch(
        user=due.user,
        time=due.time,
        place=np.repeat(np.arange(len(fresh)), np.diff(np.append(fresh, len(due.user)))),
        last_reward=np.full(len(due.user), -1, np.int64),
        items=items,
        length=length,
        propensities=propensities,
        policy=np.where(length > 0, code + 1, 0),
        policies=np.concatenate((np.full(1, POPULAR, policies.dtype), policies)),
        history=due.states.items[state] if keep_history else np.zeros((len(state), 0), np.int64),
        history_length=due.states.length[state],
        mark=np.array([due.part.number, due.part.now, due.part.upto]),
        event_user=due.part.events.user,
        event_item=due.part.events.item,
        event_behavior=due.part.events.behavior,
        event_time=due.part.events.time,
    )
    _fill_up(shown, due, state, popular, repeat_consumed=repeat_consumed)
    return shown


def _behind(column: Column, value: object) -> Column:
    """The column with a row of `value` behind it."""
    return np.concatenate((column, np.full((1, *column.shape[1:]), value, column.dtype)))


def _fill_up(
    shown: RankedBatch,
    due: RankingRequest,
    state: Int64s,
    popular: Int64s,
    *,
    repeat_consumed: bool,
) -> None:
    """Puts popular items behind what the policy gave, in place."""
    size = shown.items.shape[1]
    short = np.flatnonzero((shown.length < size) & (popular >= 0))
    if not len(short):
        return
    place = popular[short]
    candidates = due.popular_items[place]
    free = np.arange(candidates.shape[1]) < due.popular_length[place][:, None]
    length = shown.length[short]
    if length.any():
        free &= ~holds(shown.items[short], length, candidates)
    if not repeat_consumed:
        states = due.states.take(state[short])
        free &= ~holds(states.items, states.length, candidates)
    target = length[:, None] + np.cumsum(free, axis=1) - 1
    row, column = np.nonzero(free & (target < size))
    at = target[row, column]
    shown.items[short[row], at] = candidates[row, column]
    shown.propensities[short[row], at] = 1.0
    shown.length[short] = np.minimum(length + free.sum(axis=1), size)
