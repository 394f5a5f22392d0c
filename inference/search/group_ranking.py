"""Ranks states for groups that differ in what is available: once where their lists are equal.

A user's state is often the same at a few ranking times, between which some items of a catalogue
come and go. A state is ranked once among the items that are available at one of these times at
least, for a list with more places than it needs. The list of a time is the first k of its items
that are available then. Only where these are fewer, the state is ranked again for that time.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from transforms.columns.ranges import run_starts
from transforms.messages.availability import Availability, places
from transforms.messages.exclusions import Exclusions
from transforms.messages.ranked_lists import RankedLists

Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Rank = Callable[[Int64s, Exclusions, int], RankedLists]
"""Ranks some rows, with exclusions of one group, for lists of k places or so many more."""
Part = tuple[Int64s, RankedLists]
Column = npt.NDArray[Any]

_TOGETHER = 32
"""Neighbouring groups for which states are ranked together."""

_SPARE = 4
"""Places beyond those of a list: so many of its items may be unavailable at one of the times."""

_KEPT = 16


class GroupRanking:
    """Ranks rows of several groups. What groups have together is kept for later calls."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[Availability, ...], Availability] = OrderedDict()

    def rank(
        self,
        rank: Rank,
        k: int,
        states: tuple[Int64s, Int64s, Int64s],
        exclusions: Exclusions,
        shares: bool,
    ) -> Iterator[Part]:
        """The rows and their lists, in parts.

        Args:
            rank: ranks. Lists are the best of a total order that no exclusion changes, where
                `shares`.
            k: places of a list.
            states: the users, int64 [n]; the histories, int64 [n, h]; their lengths, int64 [n].
            exclusions: of several groups, in the order of their times.
            shares: whether to rank equal states of neighbouring rows together.
        """
        rest = np.arange(len(exclusions))
        group = exclusions.group
        if shares and group is not None and not (starts := _starts(states, exclusions)).all():
            rest = np.empty(0, np.int64)
            chunk = _chunks(exclusions.available)[group]
            for number in np.unique(chunk).tolist():
                rows = np.flatnonzero(chunk == number)
                found, is_right = self._together(rank, k, rows, starts, exclusions, group)
                yield rows[is_right], found
                rest = np.concatenate((rest, rows[~is_right]))
        if len(rest):
            for at, part in exclusions.take(rest).groups():
                yield rest[at], rank(rest[at], part, 0)

    def _together(
        self,
        rank: Rank,
        k: int,
        rows: Int64s,
        starts: Bools,
        exclusions: Exclusions,
        group: Int64s,
    ) -> tuple[RankedLists, Bools]:
        """The lists of rows that can be told from one ranking, and which rows these are.

        Args:
            rank: ranks.
            k: places of a list.
            rows: int64 [r], ascending; the groups' availability has the same items.
            starts: bool [n], whether a row's state differs from that of the row before.
            exclusions: of all rows.
            group: int64 [n].
        """
        is_first = starts[rows].copy()
        is_first[0] = True
        is_first[1:] |= rows[1:] != rows[:-1] + 1
        first = rows[is_first]
        numbers, of_row = np.unique(group[rows], return_inverse=True)
        groups = tuple(exclusions.available[number] for number in numbers.tolist())
        union = self._union(groups)
        of_union = replace(exclusions.take(first), available=(union,), group=None)
        lists = rank(first, of_union, 0 if len(groups) == 1 else _SPARE)
        place = places(union.ids, lists.items)
        of_list = np.cumsum(is_first) - 1
        usable = np.empty((len(rows), place.shape[1]), bool)
        for number, available in enumerate(groups):
            at = np.flatnonzero(of_row == number)
            usable[at] = available.at(place[of_list[at]])
        used = np.arange(place.shape[1]) < lists.length[of_list][:, None]
        usable &= used
        is_whole = (usable[:, :k] == used[:, :k]).all(axis=1)
        is_right = is_whole | (usable.sum(axis=1) >= k)
        found = lists.take(of_list[is_right])
        return _first(found, k, usable[is_right], ~is_whole[is_right]), is_right

    def _union(self, groups: tuple[Availability, ...]) -> Availability:
        """What is available in one of the groups at least."""
        if len(groups) == 1:
            return groups[0]
        if groups not in self._kept:
            bits = np.logical_or.reduce([each.bits for each in groups])
            self._kept[groups] = Availability(groups[0].ids, bits)
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return self._kept[groups]


def _first(lists: RankedLists, k: int, usable: Bools, gaps: Bools) -> RankedLists:
    """The first k usable items of each list.

    Args:
        lists: longer lists.
        k: places of a list.
        usable: bool [n, places], the items that may be in it.
        gaps: bool [n], the rows where some of the first k are not usable; k others are there.
    """
    at = np.flatnonzero(gaps)
    order = np.argsort(~usable[at], axis=1, kind="stable")[:, :k]

    def cut(column: Column) -> Column:
        found = column[:, :k].copy()
        found[at] = np.take_along_axis(column[at], order, axis=1)
        return found

    return replace(
        lists,
        items=cut(lists.items),
        length=np.minimum(lists.length, k),
        propensities=cut(lists.propensities),
        scores=None if lists.scores is None else cut(lists.scores),
    )


def _starts(states: tuple[Int64s, Int64s, Int64s], exclusions: Exclusions) -> Bools:
    """Which rows have another state than the row before, or items of their own that differ."""
    user, history, length = states
    starts = np.zeros(len(user), bool)
    starts[run_starts(user, length, exclusions.length)] = True
    for each in (history, exclusions.items):
        starts[1:] |= (each[1:] != each[:-1]).any(axis=1)
    return starts


def _chunks(available: tuple[Availability, ...]) -> Int64s:
    """The chunk of each group: at most `_TOGETHER` neighbours with the same items."""
    chunk, size = 0, 0
    chunks = []
    for before, each in zip((None, *available), available, strict=False):
        if size == _TOGETHER or (before is not None and each.ids is not before.ids):
            chunk, size = chunk + 1, 0
        chunks.append(chunk)
        size += 1
    return np.array(chunks, np.int64)
