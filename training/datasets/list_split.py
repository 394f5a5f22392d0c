"""Splits recommended lists by time, without rewards that come from a later split.

A list belongs to the split in which its user was at its time. The reward window of a list shortly
before a later split reaches into it: what the list earned is not known without that split's events.
Such lists are dropped. They are not lists without a reward.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from training.datasets.lists import ShownLists
from training.datasets.sequences import TEST, TRAIN, VALID, Sequences

Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

EXPLAINED = 0.5
"""Least share of rewards with an event of the data set in a log of the data set's own users."""


def split_lists(
    lists: ShownLists, sequences: Sequences, reward_window: int
) -> tuple[ShownLists, ShownLists]:
    """The lists of the TRAIN and of the VALID split whose rewards no later split explains.

    Where most rewards have no event in the data set, as in the simulator's logs, they tell nothing
    of its splits, and no list is dropped.

    Args:
        lists: all lists.
        sequences: the events.
        reward_window: seconds after a list in which an event earned its reward.
    """
    valid, test = (_begins(sequences, split)[lists.users] for split in (VALID, TEST))
    split = np.where(lists.times > valid, VALID, TRAIN)
    split[lists.times > test] = TEST
    end = np.where(split == TRAIN, np.minimum(valid, test), test)
    known = np.ones(len(lists), bool)
    if _is_explained(lists, sequences, reward_window):
        known = lists.times <= end - reward_window
    lists = replace(lists, until=np.clip(lists.until, lists.times, np.maximum(end, lists.times)))
    return lists.take(known & (split == TRAIN)), lists.take(known & (split == VALID))


def _begins(sequences: Sequences, split: int) -> Int64s:
    """The time of each user's first event of a split, int64 [users + 1].

    It is never for a user without one, and always for the unknown user, whose lists are of no use.
    """
    begins = np.full(len(sequences.users) + 1, np.iinfo(np.int64).max)
    own = sequences.split == split
    np.minimum.at(begins, sequences.user[own], sequences.time[own])
    begins[-1] = np.iinfo(np.int64).min
    return begins


def _is_explained(lists: ShownLists, sequences: Sequences, reward_window: int) -> bool:
    """Whether at least the share EXPLAINED of the rewards have an event in the data set."""
    base = len(sequences.items) + 1
    row, place = np.nonzero(lists.rewards)
    wanted = lists.users[row] * base + lists.items[row, place]
    keys = np.where(
        sequences.item != sequences.items.unknown, sequences.user * base + sequences.item, -1
    )
    found = _has_event(keys, sequences.time, wanted, lists.times[row], reward_window)
    return bool(len(wanted)) and bool(found.mean() >= EXPLAINED)


def _has_event(keys: Int64s, times: Int64s, wanted: Int64s, after: Int64s, window: int) -> Bools:
    """Whether an event with the key `wanted` lies in [after, after + window); bool [m].

    Args:
        keys: int64 [n], of the events.
        times: int64 [n], of the events.
        wanted: int64 [m].
        after: int64 [m].
        window: seconds.
    """
    if not len(keys) or not len(wanted):
        return np.zeros(len(wanted), bool)
    # Ranks instead of keys and times: their products fit into int64.
    different, instants = np.unique(keys), np.unique(times)
    span = len(instants) + 1
    events = np.sort(np.searchsorted(different, keys) * span + np.searchsorted(instants, times))
    key = np.minimum(np.searchsorted(different, wanted), len(different) - 1)
    start, end = (np.searchsorted(instants, at) for at in (after, after + window))
    low, high = (np.searchsorted(events, key * span + at) for at in (start, end))
    return np.asarray((different[key] == wanted) & (low < high))
