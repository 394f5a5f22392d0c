"""From recommendations to what Redis is told of them: each different list once (spec section 6).

At a T most of what a list costs Redis is putting it in place of another one. A third of the users
have the list of the T before, and many who are new have the same one of popular items.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from transforms.columns.hashing import Uint64s, mix
from transforms.columns.ranges import run_starts
from transforms.messages.events import Int64s
from transforms.messages.recommendations import Recommendations

SLOTS = 1 << 18
"""Users whose lists a process remembers, at the most: 24 bytes each."""

NO_ITEMS = np.uint64(0)
"""The hash of an empty list."""


@dataclass(frozen=True, slots=True, eq=False)
class Latest:
    """Each user's latest recommendation.

    Attributes:
        user: int64 [n], ascending.
        time: int64 [n], T.
        place: int64 [n], the user's list.
        lists: the different lists, as JSON.
        mark: uint64 [l], of each list: a hash.
    """

    user: Int64s
    time: Int64s
    place: Int64s
    lists: list[str]
    mark: Uint64s

    @staticmethod
    def of(rows: Recommendations) -> Latest:
        """The latest of each user in `rows`."""
        order = np.lexsort((rows.time, rows.user))
        starts = run_starts(rows.user[order])
        last = order[np.append(starts[1:], len(rows)) - 1]
        items, length = rows.items[last], rows.length[last]
        mark = _marks(items, length)
        by_mark = np.argsort(mark)
        # Lists are told apart by all that they are: a hash only brings the same ones together.
        columns = mark, length, *items.T
        fresh = run_starts(*(column[by_mark] for column in columns))
        place = np.empty(len(last), np.int64)
        place[by_mark] = np.repeat(np.arange(len(fresh)), np.diff(np.append(fresh, len(last))))
        first = by_mark[fresh]
        return Latest(
            rows.user[last],
            rows.time[last],
            place,
            _texts(items[first], length[first]),
            mark[first],
        )

    def told(self, part: slice, since: Int64s) -> tuple[str, str]:
        """Of some users: the different lists, and of each its place (from 1), T and `since`."""
        used, place = np.unique(self.place[part], return_inverse=True)
        lists = ",".join([self.lists[at] for at in used.tolist()])
        numbers = np.column_stack((place.ravel() + 1, self.time[part], since[part]))
        return f"[{lists}]", str(numbers.ravel().tolist())


class Written:
    """What list was written for each user last, as far as there is room to remember it.

    Lists are told apart by 64 bits.

    Args:
        slots: how many users, at the most; a power of 2.
    """

    def __init__(self, slots: int = SLOTS) -> None:
        self._user: Int64s = np.zeros(slots, np.int64)
        self._time: Int64s = np.full(slots, -1, np.int64)
        self._mark: Uint64s = np.zeros(slots, np.uint64)
        self._lock = threading.Lock()

    def since(self, latest: Latest) -> Int64s:
        """The T with which the user's same list was written last, -1 where none is known."""
        slot, mark = self._slot(latest.user), latest.mark[latest.place]
        with self._lock:
            same = self._user[slot] == latest.user
            # An empty list is no key in Redis: whether it is there cannot be seen.
            same &= (self._mark[slot] == mark) & (mark != NO_ITEMS)
            since: Int64s = np.where(same, self._time[slot], -1)
        return since

    def note(self, latest: Latest) -> None:
        """Remembers what was written."""
        slot = self._slot(latest.user)
        with self._lock:
            self._user[slot] = latest.user
            self._time[slot] = latest.time
            self._mark[slot] = latest.mark[latest.place]

    def _slot(self, user: Int64s) -> Int64s:
        return (mix(user) & np.uint64(len(self._user) - 1)).astype(np.int64)


def _marks(items: Int64s, length: Int64s) -> Uint64s:
    """A hash of each list: an item weighs by its place, and what is none weighs nothing."""
    width = items.shape[1]
    weights = mix(np.arange(width, dtype=np.int64)) | np.uint64(1)
    real = np.arange(width) < length[:, None]
    with np.errstate(over="ignore"):
        marks: Uint64s = np.where(real, mix(items), 0) @ weights
    return marks


def _texts(items: Int64s, length: Int64s) -> list[str]:
    """Lists as JSON, the items as texts; Arrow makes these in a tenth of Python's time."""
    real = np.arange(items.shape[1]) < length[:, None]
    offsets = np.append(0, np.cumsum(length)).astype(np.int32)
    texts = pa.ListArray.from_arrays(offsets, pa.array(items[real]).cast(pa.string()))
    joined = pc.binary_join(texts, '","').to_pylist()
    return [f'["{text}"]' if text else "[]" for text in joined]
