"""Completes the policy's lists with popular items (spec section 4)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from transforms.columns.codec import Column
from transforms.columns.ranges import run_starts
from transforms.messages.events import Bools, Int64s
from transforms.messages.ranked_lists import RankedLists
from transforms.messages.ranking import RankedBatch, RankingRequest
from transforms.messages.recommendations import coded_labels

POPULAR = b"popular"
"""The policy's label for lists of popular items alone."""


def holds(lists: Int64s, length: Int64s, items: Int64s) -> Bools:
    """Which items are in the list of their row.

    Args:
        lists: int64 [n, h].
        length: int64 [n], how many items of a list are valid.
        items: int64 [n, m].

    Returns:
        bool [n, m].
    """
    found = np.zeros(items.shape, bool)
    for column in range(lists.shape[1]):
        found |= (lists[:, column, None] == items) & (column < length)[:, None]
    return found


def fill(
    request: RankingRequest,
    ranked: RankedLists,
    size: int,
    *,
    repeat_consumed: bool,
    keep_history: bool,
) -> RankedBatch:
    """Makes recommendations of the policy's lists and the popular items.

    Args:
        request: users with states and popular items, which are available at the rows' times.
        ranked: the policy's lists for the states `request.ranked`, in this order.
        size: items in a recommendation.
        repeat_consumed: whether items of the history may be recommended.
        keep_history: whether to keep the histories, for the feedback log.
    """
    list_of_state = np.full(len(request.states), len(request.ranked), np.int64)
    list_of_state[request.ranked] = np.arange(len(request.ranked))
    # One more list, an empty one, is for the states that the policy did not rank.
    ranked_length = np.append(ranked.length, 0)
    # A state has one list, or where popular items complete it one for each of their rankings.
    is_short = ranked_length[list_of_state] < size
    completed_by = np.where(is_short[request.state_index], request.popular_index, -1)
    starts = run_starts(request.state_index, completed_by)
    state, popular = request.state_index[starts], request.popular_index[starts]
    row = list_of_state[state]
    length = ranked_length[row]
    policies, code = coded_labels(_appended(ranked.policy, POPULAR)[row])
    unit, history = request.unit, request.states.items[state]
    rows = len(request.user)
    batch = RankedBatch(
        user=request.user,
        time=request.time,
        list_index=np.repeat(np.arange(len(starts)), np.diff(np.append(starts, rows))),
        last_reward=np.full(rows, -1, np.int64),
        items=_appended(ranked.items, 0)[row],
        length=length,
        propensities=_appended(ranked.propensities, 0)[row],
        policy_index=np.where(length > 0, code + 1, 0),
        policies=np.concatenate((np.full(1, POPULAR, policies.dtype), policies)),
        history=history if keep_history else np.zeros((len(state), 0), np.int64),
        history_length=request.states.length[state],
        header=unit.header,
        event_user=unit.events.user,
        event_item=unit.events.item,
        event_behavior=unit.events.behavior,
        event_time=unit.events.time,
        event_value=unit.events.details.value if unit.events.details else np.zeros(0),
    ).named(request.names, ranked.names)
    _complete(batch, request, state, popular, repeat_consumed=repeat_consumed)
    return batch


def _appended(column: Column, value: object) -> Column:
    """The column with one more row, filled with `value`."""
    return np.concatenate((column, np.full((1, *column.shape[1:]), value, column.dtype)))


def _complete(
    batch: RankedBatch,
    request: RankingRequest,
    state: Int64s,
    popular: Int64s,
    *,
    repeat_consumed: bool,
) -> None:
    """Appends popular items to the batch's short lists, in place.

    Args:
        batch: its lists are changed.
        request: what the batch answers.
        state: int64 [l], each list's index in `request.states`.
        popular: int64 [l], each list's index in `request.popular_items`; -1 for none.
        repeat_consumed: whether items of the history may be recommended.
    """
    size = batch.items.shape[1]
    short = np.flatnonzero((batch.length < size) & (popular >= 0))
    if not len(short):
        return
    ranking = popular[short]
    candidates = request.popular_items[ranking]
    usable = np.arange(candidates.shape[1]) < request.popular_length[ranking][:, None]
    length = batch.length[short]
    if length.any():
        usable &= ~holds(batch.items[short], length, candidates)
    if not repeat_consumed:
        states = request.states.take(state[short])
        usable &= ~holds(states.items, states.length, candidates)
    if request.exclusions:
        # The rankings have what is available.
        own = replace(request.exclusions, available=(), group=None)
        usable &= own.take(state[short]).allows(candidates)
    position = length[:, None] + np.cumsum(usable, axis=1) - 1
    row, column = np.nonzero(usable & (position < size))
    target = position[row, column]
    batch.items[short[row], target] = candidates[row, column]
    batch.propensities[short[row], target] = 1.0
    batch.length[short] = np.minimum(length + usable.sum(axis=1), size)
