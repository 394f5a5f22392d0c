"""What is available at the ranking times of a request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from transforms.catalogue.source import CatalogueView
from transforms.columns.codec import Column
from transforms.messages.availability import Availability
from transforms.messages.events import Int64s
from transforms.messages.exclusions import Exclusions
from transforms.messages.ranked_lists import RankedLists
from transforms.messages.ranking import RankingRequest


def with_availability(request: RankingRequest, catalogue: CatalogueView) -> RankingRequest:
    """The request less what is not available at its times.

    Its rankings of popular items have only what is available. Its exclusions say what the policy
    may rank: a state that is ranked for times of different availability becomes several states, so
    that each is ranked among the items of one time. States that are not ranked stay as they are.
    """
    if not len(request.user):
        return request
    times = np.unique(request.time)
    found = [catalogue.at(time) for time in times.tolist()]
    at = np.searchsorted(times, request.time)
    available = tuple(dict.fromkeys(found))
    group = np.array([available.index(each) for each in found], np.int64)[at]
    request = _with_rankings(request, available, group)
    if not len(request.ranked):
        # Beam estimates sizes of elements by pickling them: what nobody needs is left out.
        return request
    exclusions = request.exclusions or Exclusions.none(len(request.states))
    if len(available) < 2:
        return replace(request, exclusions=replace(exclusions, available=available))
    # Lists of popular items alone do not depend on the group.
    is_ranked = np.zeros(len(request.states), bool)
    is_ranked[request.ranked] = True
    group = np.where(is_ranked[request.state_index], group, 0)
    split, starts = replace(request, exclusions=exclusions).split(group)
    of_state = exclusions.take(request.state_index[starts])
    of_state = replace(of_state, available=available, group=group[starts])
    return replace(split, exclusions=of_state)


def rejoined(request: RankingRequest, ranked: RankedLists) -> tuple[RankingRequest, RankedLists]:
    """The states that `with_availability` split, as one again where their lists are equal.

    What is available differs at most ranking times, and at most of them no list differs for it.
    Lists with a pool stay as they are: what is drawn from it depends on the ranking time.

    Args:
        request: as `with_availability` gives it.
        ranked: the lists of the states `request.ranked`, in this order.

    Returns:
        The request, and the lists of its states `ranked`.
    """
    exclusions = request.exclusions
    if exclusions is None or exclusions.group is None:
        return request, ranked
    at, states = request.ranked, request.states
    same = at[1:] == at[:-1] + 1
    # Columns [n] of states and of lists.
    columns: list[Column] = [states.user[at], states.length[at], exclusions.length[at]]
    columns += [ranked.length, ranked.policy, *([ranked.new.length] if ranked.new else ())]
    for column in columns:
        same &= column[1:] == column[:-1]
    if ranked.pool_row is not None:
        same &= (ranked.pool_row[1:] < 0) & (ranked.pool_row[:-1] < 0)
    # Tables [n, m] of them, of which only the rows that may be equal are looked at.
    tables: list[Column] = [states.items[at], exclusions.items[at]]
    tables += [ranked.items, ranked.propensities]
    tables += [ranked.new.items] if ranked.new else []
    for table in tables:
        rows = np.flatnonzero(same)
        same[rows] = (table[rows + 1] == table[rows]).all(axis=1)
    kept = np.ones(len(states), bool)
    kept[at[1:][same]] = False
    number, place = np.cumsum(kept) - 1, np.flatnonzero(kept)
    joined = replace(
        request,
        state_index=number[request.state_index],
        states=states.take(place),
        ranked=number[at[kept[at]]],
        exclusions=replace(exclusions.take(place), available=(), group=None),
    )
    return joined, ranked.take(kept[at])


def _with_rankings(
    request: RankingRequest, available: Sequence[Availability], group: Int64s
) -> RankingRequest:
    """The request, whose rankings of popular items have what is available at the rows' times.

    Args:
        request: with any rankings.
        available: what is available, by group.
        group: int64 [n], each row's group.
    """
    # The last ranking is an empty one, for rows without any.
    width = request.popular_items.shape[1]
    rankings = np.append(request.popular_items, np.zeros((1, width), np.int64), axis=0)
    lengths = np.append(request.popular_length, 0)
    key = group * len(rankings) + request.popular_index % len(rankings)
    used = np.unique(key)
    of_pair, ranking = np.divmod(used, len(rankings))
    usable = np.arange(width) < lengths[ranking][:, None]
    for number, each in enumerate(available):
        pairs = slice(*np.searchsorted(of_pair, (number, number + 1)))
        usable[pairs] &= each.of(rankings[ranking[pairs]])
    # What is left out moves to the end.
    order = np.argsort(~usable, axis=1, kind="stable")
    items = np.take_along_axis(rankings[ranking], order, axis=1)
    length = usable.sum(axis=1)
    items[np.arange(width) >= length[:, None]] = 0
    # At most times a ranking has the items that it had before.
    rows, row = np.unique(np.column_stack((length, items)), axis=0, return_inverse=True)
    place = np.where(ranking == len(rankings) - 1, -1, row.reshape(-1))
    return replace(
        request,
        popular_index=place[np.searchsorted(used, key)],
        popular_items=rows[:, 1:],
        popular_length=rows[:, 0],
    )
