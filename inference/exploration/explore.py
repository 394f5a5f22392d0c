"""Draws the last places of the policy's lists.

The policy ranks once for each state, also where a user's state is the same at several ranking
times. A list that is drawn depends on its ranking time: each row of an exploring user gets a state
and a list of its own.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from inference.exploration.design import ONE, Int64s, systematic
from inference.exploration.keyed import hash_of_text
from inference.exploration.rules import Exploration
from transforms.messages.ranked_lists import RankedLists
from transforms.messages.ranking import RankingRequest
from transforms.messages.recommendations import coded_labels

_ROWS_AT_ONCE = 1024
"""Lists that are drawn at a time: their columns fit in a processor's cache."""


def explore(
    request: RankingRequest, ranked: RankedLists, size: int, exploration: Exploration
) -> tuple[RankingRequest, RankedLists]:
    """Cuts lists to their size, and draws the last places of those that explore.

    A list has something to draw where it has a pool of more than `size` items. All others keep
    their first `size` items.

    Args:
        request: users with states.
        ranked: the policy's lists for the states `request.ranked`, in this order; those of
            exploring users with a pool.
        size: items in a recommendation.
        exploration: what is drawn.

    Returns:
        The request with a state of its own for each row that is drawn; and the lists for its
        `ranked`.
    """
    pool, pool_row = ranked.pool, ranked.pool_row
    if pool is None or pool_row is None or not len(pool):
        return request, ranked.cut(size)
    drawn = (pool_row >= 0) & (pool.length > size)[pool_row]
    if not drawn.any():
        return request, ranked.cut(size)
    list_of_state = np.full(len(request.states), -1, np.int64)
    list_of_state[request.ranked] = np.arange(len(request.ranked))
    row_list = list_of_state[request.state_index]
    row_drawn = (row_list >= 0) & drawn[row_list]
    first = np.ones(len(request.user), bool)
    first[1:] = (request.state_index[1:] != request.state_index[:-1]) | row_drawn[1:]
    rows = np.flatnonzero(first)
    state, origin = request.state_index[rows], row_list[rows]
    is_ranked = origin >= 0
    rows, origin = rows[is_ranked], origin[is_ranked]
    lists = ranked.cut(size)
    same = np.array_equal(state, np.arange(len(request.states)))
    if same and np.array_equal(origin, np.arange(len(lists))):
        lists = replace(lists, items=lists.items.copy(), propensities=lists.propensities.copy())
    else:
        request = replace(
            request,
            state_index=np.cumsum(first) - 1,
            states=request.states.take(state),
            ranked=np.flatnonzero(is_ranked),
            exclusions=request.exclusions.take(state) if request.exclusions else None,
        )
        lists = lists.take(origin)
    at = np.flatnonzero(drawn[origin])
    versions = _versions(ranked, origin[at])
    seeds = exploration.list_seeds(request.user[rows[at]], request.time[rows[at]], versions)
    for start in range(0, len(at), _ROWS_AT_ONCE):
        part = slice(start, start + _ROWS_AT_ONCE)
        _draw(lists, at[part], pool.take(pool_row[origin[at[part]]]), seeds[part], exploration)
    return request, lists


def _versions(ranked: RankedLists, rows: Int64s) -> Int64s:
    """A hash of the label of each row's policy: int64 [n]."""
    labels, code = coded_labels(ranked.policy[rows])
    return np.array([hash_of_text(label) for label in labels.tolist()], np.int64)[code]


def _draw(
    lists: RankedLists,
    at: Int64s,
    pool: RankedLists,
    seeds: np.ndarray,
    exploration: Exploration,
) -> None:
    """Draws the last places of some lists, in place.

    Args:
        lists: the lists to change.
        at: int64 [e], which of them.
        pool: for each of them the policy's best items.
        seeds: uint64 [e].
        exploration: what is drawn.
    """
    size, places = lists.items.shape[1], exploration.places
    fixed = size - places
    items = pool.items[:, fixed:]
    scores = pool.scores[:, fixed:] if pool.scores is not None else None
    inclusion = exploration.inclusion(scores, pool.length - fixed, items.shape[1])
    row, column = np.nonzero(systematic(inclusion, seeds))
    # Each row has as many as there are places, and the columns are the policy's order.
    shape = (len(at), places)
    lists.items[at, fixed:] = items[row, column].reshape(shape)
    lists.propensities[at, fixed:] = (inclusion[row, column] / ONE).reshape(shape)
