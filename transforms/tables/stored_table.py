"""A table of users in state: reads what a worker does not have, writes what changes.

A change is an entry in the log of the user's cell. A log that has grown to a share of its base is
merged with it: the cell is written anew, and divided where it has become too large. So a row is
written about 1 + 1 / share times, however many users are known, and no value is larger than a
cell. When a cell is merged depends on its rows alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from transforms.messages.events import Int64s
from transforms.tables.cache import SHARED_CACHE, TableCache
from transforms.tables.cells import BaseCell
from transforms.tables.index import TableIndex
from transforms.tables.layout import Rows, count_rows
from transforms.tables.place import TablePlace
from transforms.tables.user_table import UserTable
from transforms.tables.writer import ENTRY_BYTES, NOBODY, TableWriter


class StoredTable:
    """A table in the state of one key.

    Args:
        place: where it is.
        cache: tables that the worker has.
    """

    def __init__(self, place: TablePlace, cache: TableCache = SHARED_CACHE) -> None:
        self._place, self._cache = place, cache
        index = place.index.read()
        self.is_new = index is None
        self._index: TableIndex = TableIndex.empty() if index is None else index
        self._table: UserTable | None = None

    @property
    def nbytes(self) -> int:
        """Bytes of the table's bases and logs."""
        return int(self._index.base_bytes.sum() + self._index.log_bytes.sum())

    def rows_of(self, users: Int64s) -> Rows:
        """The rows of some users.

        Args:
            users: int64 [n], distinct, ascending.
        """
        return self._loaded().rows_of(users)

    def rows(self) -> Rows:
        """All rows."""
        table = self._loaded()
        return self._place.layout.merged([table.rows_in(cell) for cell in range(len(table.bases))])

    def add(self, rows: Rows, kept: Callable[[Rows], Rows], forgotten: Int64s = NOBODY) -> None:
        """Adds rows, which are newer than those that the table has.

        Args:
            rows: by user.
            kept: those of a cell's rows that a merge keeps; a later merge may keep fewer. Whether
                it was called must not be seen in what is asked of the table, but of the rows of
                `forgotten`.
            forgotten: users, int64 [n], distinct, ascending. The cells that have rows of theirs
                are merged.
        """
        table = self._loaded()
        held = [frame.user for frame in table.rows_of(forgotten)] if len(forgotten) else []
        merged = np.unique(np.concatenate(held)) if held else NOBODY
        if not count_rows(rows) and not len(merged):
            return
        self._cache.drop(self._cache_key())
        writer = TableWriter(self._place, self._index, rows, merged)
        self._table, self._index = writer.write(table, kept)
        self._place.index.write(self._index)
        self._cache.put(self._cache_key(), self._table)
        self.is_new = False

    def _loaded(self) -> UserTable:
        if self._table is None:
            key = self._cache_key()
            found = self._cache.get(key)
            if found is None:
                found = self._read()
                self._cache.put(key, found)
            # Another job in this process may join rows in another way.
            self._table = replace(found, layout=self._place.layout)
        return self._table

    def _cache_key(self) -> tuple[object, ...]:
        return self._place.states.name, self._index.digest

    def _read(self) -> UserTable:
        index, place = self._index, self._place
        bases: list[BaseCell | None] = []
        entries: dict[int, list[Rows]] = {}
        sizes = zip(index.base_rows.tolist(), index.log_rows.tolist(), strict=True)
        for cell, (base_rows, log_rows) in enumerate(sizes):
            encoded = place.base(cell).read() if base_rows else None
            bases.append(None if encoded is None else place.base_cell(encoded))
            for entry in place.log(cell).read() if log_rows else ():
                number = int.from_bytes(entry[:ENTRY_BYTES], "little")
                rows = place.layout.decode(memoryview(entry)[ENTRY_BYTES:])
                entries.setdefault(number, []).append(rows)
        log = [part for number in sorted(entries) for part in entries[number]]
        levels = (place.layout.merged(log),) if log else ()
        return UserTable(place.layout, index.directory, tuple(bases), levels)
