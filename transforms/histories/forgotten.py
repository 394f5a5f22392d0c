"""Which users a job forgets, as far as its workers know: tombstones in the order of arrival."""

from __future__ import annotations

import threading
from collections.abc import Hashable
from typing import Protocol

import numpy as np

from transforms.columns.hashing import shard_of
from transforms.messages.events import Int64s
from transforms.messages.tombstones import NO_TOMBSTONES, Tombstones
from transforms.shards.keys import shard_keys

Found = tuple[Tombstones, Int64s]
"""What a step applies; and how many tombstones of each partition are known then, int64 [p]."""


class ForgottenView(Protocol):
    """Tombstones that were loaded, and that follow their source."""

    def at(self, time: int) -> ForgottenTimeline:
        """The tombstones, complete up to a time in seconds since the epoch."""
        ...


class ForgottenSource(Hashable, Protocol):
    """Where tombstones are; small, can be pickled; equal sources are one."""

    def load(self) -> ForgottenView:
        """Loads them."""
        ...


class ForgottenTimeline:
    """Tombstones, each with its place in its partition; for any number of threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        none: Int64s = np.empty(0, np.int64)
        # User, time, partition and place of each; and how many places each partition has.
        self._known: tuple[tuple[Int64s, ...], Int64s] = (none, none, none, none), none

    def __len__(self) -> int:
        return len(self._known[0][0])

    def add(self, user: Int64s, time: Int64s, partition: int, place: Int64s) -> None:
        """Adds tombstones of a partition.

        Args:
            user: int64 [n].
            time: int64 [n], seconds since the epoch, not negative.
            partition: the partition's number.
            place: int64 [n], their places in it.
        """
        if not len(user):
            return
        new = user, time, np.full(len(user), partition, np.int64), place
        with self._lock:
            rows, before = self._known
            count = np.zeros(max(len(before), partition + 1), np.int64)
            count[: len(before)] = before
            count[partition] = max(count[partition], place.max() + 1)
            rows = tuple(np.concatenate(pair) for pair in zip(rows, new, strict=True))
            self._known = rows, count

    def applied(
        self, complete_until: int, new_until: int, known: Int64s, shard: int, shards: int
    ) -> Found:
        """The tombstones that a step applies.

        These are those of the step's time, and those that came later than they should. What was
        kept of a user then cannot be divided by time: all of it is forgotten.

        Args:
            complete_until: all events before this time were applied earlier, -1 at first.
            new_until: all events before this time have been applied after the step.
            known: int64 [p], how many tombstones of each partition were known to the step before.
            shard: the shard's key.
            shards: the number of shards.
        """
        (user, time, partition, place), count = self._known
        if not len(user):
            return NO_TOMBSTONES, known
        before = np.zeros_like(count)
        shared = min(len(count), len(known))
        before[:shared] = known[:shared]
        # A source with less than before is another one, of which nothing is known.
        before[before > count] = 0
        is_late = (time < complete_until) & (place >= before[partition])
        is_due = (time >= complete_until) & (time <= new_until)
        rows = np.flatnonzero(is_late | is_due)
        rows = rows[shard_of(user[rows], shards) == shard_keys(shards).index(shard)]
        # Events before `complete_until` are forgotten, and none after.
        return Tombstones.of(user[rows], np.maximum(time[rows], complete_until - 1)), count
