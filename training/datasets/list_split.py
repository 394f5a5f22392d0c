"""Splits recommended lists by time, without rewards that come from the test split.

A list belongs to the split in which its user was at its time. A reward of a list before the
user's test split counts as 0 where only events of the test split explain it, so that training
uses no later event.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from training.datasets.lists import ShownLists
from training.datasets.sequences import TEST, TRAIN, VALID, Sequences

Int64s = npt.NDArray[np.int64]
Float32s = npt.NDArray[np.float32]
Int8s = npt.NDArray[np.int8]
Bools = npt.NDArray[np.bool_]

EXPLAINED = 0.5
"""Least share of rewards with an event of the data set in a log of the data set's own users."""


def split_lists(
    lists: ShownLists, sequences: Sequences, time: Int64s, reward_window: int
) -> tuple[ShownLists, ShownLists]:
    """The lists of the TRAIN and of the VALID split, without rewards of the test split.

    Args:
        lists: all lists.
        sequences: the events.
        time: int64 [n], when each list was recommended, seconds since the epoch.
        reward_window: seconds after that in which an event earned its reward.
    """
    lists = replace(lists, rewards=_known_before_test(lists, sequences, time, reward_window))
    split = _split_of(sequences, lists.users, time)
    return lists.take(split == TRAIN), lists.take(split == VALID)


def _split_of(sequences: Sequences, users: Int64s, time: Int64s) -> Int8s:
    """The split in which each list's user was at its time, int8 [n]; TEST of an unknown user."""
    split = np.full(len(users), TRAIN, np.int8)
    for later in (VALID, TEST):
        begins = np.full(len(sequences.users) + 1, np.iinfo(np.int64).max)
        own = sequences.split == later
        np.minimum.at(begins, sequences.user[own], sequences.time[own])
        begins[-1] = np.iinfo(np.int64).min
        split[time > begins[users]] = later
    return split


def _known_before_test(
    lists: ShownLists, sequences: Sequences, time: Int64s, reward_window: int
) -> Float32s:
    """The rewards [n, k], with 0 for those that only events of the test split explain.

    Where most rewards have no event in the data set, as in the simulator's logs, the log's users
    are not those of the events. All rewards are then kept.
    """
    base = len(sequences.items) + 1
    row, place = np.nonzero(lists.rewards)
    wanted = lists.users[row] * base + lists.items[row, place]
    keys = sequences.user * base + sequences.item
    known = sequences.item != sequences.items.unknown
    in_test, before = known & (sequences.split == TEST), known & (sequences.split != TEST)
    in_window = (
        _has_event(keys[mask], sequences.time[mask], wanted, time[row], reward_window)
        for mask in (in_test, before)
    )
    late, early = in_window
    rewards = lists.rewards.copy()
    if len(wanted) and (late | early).mean() >= EXPLAINED:
        unknown_yet = late & ~early
        rewards[row[unknown_yet], place[unknown_yet]] = 0
    return rewards


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
