"""Tables that a worker keeps between bundles.

A table is found by its version, which is a digest of all that was ever written of it. Two tables
of one version are equal, whatever shard, worker or attempt made them. After a restore, a rescale
or a failed bundle, state has a version that is either here and right, or not here.
"""

from __future__ import annotations

import threading
from collections import OrderedDict

from transforms.tables.user_table import UserTable

Key = tuple[object, ...]

CACHE_BYTES = 1 << 30
"""Most memory for the tables of one process."""


class TableCache:
    """The tables that were used last.

    Args:
        most_bytes: bytes of tables that are kept.
    """

    def __init__(self, most_bytes: int = CACHE_BYTES) -> None:
        self._most, self._held = most_bytes, 0
        self._tables: OrderedDict[Key, tuple[UserTable, int]] = OrderedDict()
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[type[TableCache], tuple[int]]:
        """A copy, for another process, is empty."""
        return TableCache, (self._most,)

    def get(self, key: Key) -> UserTable | None:
        """A table; None where it is not kept."""
        with self._lock:
            found = self._tables.get(key)
            if found is None:
                return None
            self._tables.move_to_end(key)
            return found[0]

    def drop(self, key: Key) -> None:
        """Drops a table, if it is kept."""
        with self._lock:
            found = self._tables.pop(key, None)
            self._held -= found[1] if found else 0

    def put(self, key: Key, table: UserTable) -> None:
        """Keeps a table, and drops those that were used longest ago where there are too many."""
        size = table.nbytes()
        with self._lock:
            old = self._tables.pop(key, None)
            self._held += size - (old[1] if old else 0)
            self._tables[key] = table, size
            while self._held > self._most:
                _, (_, dropped) = self._tables.popitem(last=False)
                self._held -= dropped

    def clear(self) -> None:
        """Drops all tables."""
        with self._lock:
            self._tables.clear()
            self._held = 0


SHARED_CACHE = TableCache()
"""The tables of this process."""
