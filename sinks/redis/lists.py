"""Recommendations as arguments of the Redis script: each distinct list is sent once.

Replacing a list is most of what a recommendation costs Redis. A third of the users keep the list of
the ranking time before. New users often share a list of popular items.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sinks.rows import joined_lists, json_texts
from transforms.columns.hashing import Uint64s, mix
from transforms.columns.names import Names
from transforms.columns.ranges import run_starts
from transforms.messages.events import Int64s
from transforms.messages.recommendations import Recommendations

SLOTS = 1 << 18
"""Users whose latest list a process remembers, at the most; 24 bytes each."""

NO_ITEMS = np.uint64(0)
"""The hash of an empty list."""


@dataclass(frozen=True, slots=True, eq=False)
class LatestLists:
    """Each user's latest recommendation.

    Attributes:
        user: int64 [n], ascending.
        time: int64 [n], ranking times in seconds since the epoch.
        place: int64 [n], index of the user's list in `lists`.
        lists: the distinct lists as JSON.
        hashes: uint64 [l], a hash of each list.
    """

    user: Int64s
    time: Int64s
    place: Int64s
    lists: list[str]
    hashes: Uint64s

    @staticmethod
    def of(rows: Recommendations) -> LatestLists:
        """The latest of each user in `rows`."""
        order = np.lexsort((rows.time, rows.user))
        starts = run_starts(rows.user[order])
        last = order[np.append(starts[1:], len(rows)) - 1]
        items, length = rows.items[last], rows.length[last]
        hashes = _hashes(items, length)
        by_hash = np.argsort(hashes)
        # Lists are compared as a whole: the hash only sorts equal ones together.
        columns = hashes, length, *items.T
        fresh = run_starts(*(column[by_hash] for column in columns))
        place = np.empty(len(last), np.int64)
        place[by_hash] = np.repeat(np.arange(len(fresh)), np.diff(np.append(fresh, len(last))))
        first = by_hash[fresh]
        return LatestLists(
            rows.user[last],
            rows.time[last],
            place,
            _texts(items[first], length[first], None if rows.names is None else rows.names.item),
            hashes[first],
        )

    def arguments(self, part: slice, since: Int64s) -> tuple[str, str]:
        """The script's arguments for a slice of the users, both JSON.

        Args:
            part: the users.
            since: int64 [n], the answer of `WrittenLists.since`.

        Returns:
            The distinct lists; three numbers for each user: the list's index from 1, the time,
            and `since`.
        """
        used, place = np.unique(self.place[part], return_inverse=True)
        lists = ",".join([self.lists[at] for at in used.tolist()])
        numbers = np.column_stack((place.ravel() + 1, self.time[part], since[part]))
        return f"[{lists}]", str(numbers.ravel().tolist())


class WrittenLists:
    """A cache of the list that was last written for each user.

    Lists are compared by hashes of 64 bits. A user replaces another one of the same slot.

    Args:
        slots: number of users, a power of 2.
    """

    def __init__(self, slots: int = SLOTS) -> None:
        self._user: Int64s = np.zeros(slots, np.int64)
        self._time: Int64s = np.full(slots, -1, np.int64)
        self._hash: Uint64s = np.zeros(slots, np.uint64)
        self._lock = threading.Lock()

    def since(self, latest: LatestLists) -> Int64s:
        """Per user the time with which the same list was written before, -1 where unknown."""
        slot, hashes = self._slot(latest.user), latest.hashes[latest.place]
        with self._lock:
            same = self._user[slot] == latest.user
            # Redis has no key for an empty list: the script cannot check that it exists.
            same &= (self._hash[slot] == hashes) & (hashes != NO_ITEMS)
            since: Int64s = np.where(same, self._time[slot], -1)
        return since

    def remember(self, latest: LatestLists) -> None:
        """Keeps the lists that were written."""
        slot = self._slot(latest.user)
        with self._lock:
            self._user[slot] = latest.user
            self._time[slot] = latest.time
            self._hash[slot] = latest.hashes[latest.place]

    def _slot(self, user: Int64s) -> Int64s:
        return (mix(user) & np.uint64(len(self._user) - 1)).astype(np.int64)


def _hashes(items: Int64s, length: Int64s) -> Uint64s:
    """A hash of each list: a sum of the items' hashes, weighted by place."""
    width = items.shape[1]
    weights = mix(np.arange(width, dtype=np.int64)) | np.uint64(1)
    real = np.arange(width) < length[:, None]
    with np.errstate(over="ignore"):
        hashes: Uint64s = np.where(real, mix(items), 0) @ weights
    return hashes


def _texts(items: Int64s, length: Int64s, names: Names | None) -> list[str]:
    """Lists as JSON with the items as strings; Arrow takes a tenth of Python's time."""
    real = np.arange(items.shape[1]) < length[:, None]
    offsets = np.append(0, np.cumsum(length)).astype(np.int32)
    if names is not None:
        values = json_texts(names).take(pa.array(names.rows(items[real])))
        return joined_lists(values, pa.array(offsets))
    texts = pa.ListArray.from_arrays(offsets, pa.array(items[real]).cast(pa.string()))
    joined = pc.binary_join(texts, '","').to_pylist()
    return [f'["{text}"]' if text else "[]" for text in joined]
