"""Writes changes of a table: entries of the logs, and cells that are merged."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import numpy as np

from transforms.columns.hashing import mix
from transforms.messages.events import Bools, Int64s
from transforms.tables.cells import BaseCell
from transforms.tables.directory import MOST_BITS, Directory, has_prefix
from transforms.tables.index import VERSION_BYTES, TableIndex
from transforms.tables.layout import Rows, count_rows
from transforms.tables.place import TablePlace
from transforms.tables.user_table import UserTable

ENTRY_BYTES = 8
"""Bytes of the number that an entry of a log starts with."""

NOBODY: Int64s = np.empty(0, np.int64)
"""No users."""

PER_CELL = ("prefix", "depth", "base_rows", "log_rows", "base_bytes", "log_bytes")
"""The columns of the index that have a value for each cell."""


class TableWriter:
    """Writes rows into the state of a table.

    Args:
        place: where the table is.
        index: its index.
        rows: by user; newer than those that the table has.
        merged: users whose cells are merged in any case, int64 [n].
    """

    def __init__(
        self, place: TablePlace, index: TableIndex, rows: Rows, merged: Int64s = NOBODY
    ) -> None:
        self._place, self._rows = place, rows
        self._entry = int(index.entries[0])
        self._hash = hashlib.blake2b(index.digest, digest_size=VERSION_BYTES)
        self._cells = {name: getattr(index, name).copy() for name in PER_CELL}
        self._is_one = len(index.prefix) == 1
        self._merged = index.directory.cell_of(merged)
        self._cell = [] if self._is_one else [index.directory.cell_of(f.user) for f in rows]

    def write(self, table: UserTable, kept: Callable[[Rows], Rows]) -> tuple[UserTable, TableIndex]:
        """Writes entries and merged cells.

        Args:
            table: the table that the rows are added to.
            kept: as in `StoredTable.add`.

        Returns:
            The table and its index after that. The caller writes the index.
        """
        count = self._count()
        log_rows, log_bytes = self._cells["log_rows"], self._cells["log_bytes"]
        is_full = (count > 0) & (log_rows + count > self._most_log_rows())
        is_full[self._merged] = True
        is_logged = (count > 0) & ~is_full
        for cell in np.flatnonzero(is_logged).tolist():
            log_rows[cell] += count[cell]
            log_bytes[cell] += self._append(cell)
        full: list[int] = np.flatnonzero(is_full).tolist()
        if full:
            table = self._merge_all(full, table, kept)
        if is_logged.any():
            table = table.added(self._rows_in(~is_full))
        return table, TableIndex(
            np.frombuffer(self._hash.digest(), np.int8),
            np.array([self._entry + 1]),
            **self._cells,
        )

    def _count(self) -> Int64s:
        """How many rows are new in each cell."""
        count = np.zeros(len(self._cells["prefix"]), np.int64)
        if self._is_one:
            count[0] = count_rows(self._rows)
        for cells in self._cell:
            count += np.bincount(cells, minlength=len(count))
        return count

    def _most_log_rows(self) -> Int64s:
        """The rows that each cell's log may have: spread by half, so that merges are, too."""
        limits = self._place.limits
        seed = mix(self._cells["prefix"] + (self._place.key << MOST_BITS)) >> np.uint64(11)
        spread = 0.75 + 0.5 * (seed.astype(np.float64) / (1 << 53))
        share = (self._cells["base_rows"] * limits.log_share * spread).astype(np.int64)
        most: Int64s = np.maximum(share, limits.log_rows)
        return most

    def _rows_in(self, is_meant: Bools) -> Rows:
        """The new rows in some cells.

        Args:
            is_meant: bool [c], which cells.
        """
        if is_meant.all():
            return self._rows
        pairs = zip(self._rows, self._cell, strict=True)
        return tuple(frame.take(is_meant[cells]) for frame, cells in pairs)

    def _only(self, cell: int) -> Rows:
        is_meant = np.zeros(len(self._cells["prefix"]), bool)
        is_meant[cell] = True
        return self._rows_in(is_meant)

    def _append(self, cell: int) -> int:
        """Adds an entry to a cell's log: its bytes."""
        number = self._entry.to_bytes(ENTRY_BYTES, "little")
        entry = number + self._place.layout.encode(self._only(cell))
        self._place.log(cell).add(entry)
        self._hash.update(b"%d:" % cell + entry)
        return len(entry)

    def _merge_all(
        self, full: list[int], table: UserTable, kept: Callable[[Rows], Rows]
    ) -> UserTable:
        """Merges cells with their logs and their new rows: the table after that."""
        bases = list(table.bases)
        # Before any is divided: the new rows are by the cells of before.
        new = [self._only(cell) for cell in full]
        for cell, rows in zip(full, new, strict=True):
            parts = [*table.parts_of(cell), rows]
            self._merge(cell, kept(self._place.layout.merged(parts)), bases)
        directory = Directory(self._cells["prefix"], self._cells["depth"])
        return table.with_cells(full, directory, tuple(bases))

    def _merge(self, cell: int, rows: Rows, bases: list[BaseCell | None]) -> None:
        """Writes a cell's rows anew, in several cells if they are too large for one."""
        encoded = self._place.layout.encode(rows)
        bits = max(0, (len(encoded) - 1) // self._place.limits.cell_bytes).bit_length()
        bits = min(bits, MOST_BITS - int(self._cells["depth"][cell]))
        while (1 << bits) - 1 > self._place.states.cells - len(bases):
            bits -= 1
        directory = Directory(self._cells["prefix"], self._cells["depth"])
        parts = directory.parts_of(cell, bits)
        numbers = [cell, *range(len(bases), len(bases) + len(parts) - 1)]
        bases += [None] * (len(parts) - 1)
        self._grow(len(bases))
        if self._cells["log_rows"][cell]:
            self._place.log(cell).clear()
        for number, (prefix, depth) in zip(numbers, parts, strict=True):
            some = rows
            if bits:
                some = tuple(frame.take(has_prefix(frame.user, prefix, depth)) for frame in rows)
                encoded = self._place.layout.encode(some)
            self._place.base(number).write(encoded)
            self._hash.update(b"%d=" % number + encoded)
            bases[number] = self._place.base_cell(encoded, some)
            sizes = prefix, depth, count_rows(some), 0, len(encoded), 0
            for name, value in zip(PER_CELL, sizes, strict=True):
                self._cells[name][number] = value

    def _grow(self, cells: int) -> None:
        """Makes room for the numbers of new cells."""
        missing = cells - len(self._cells["prefix"])
        if missing:
            for name in PER_CELL:
                self._cells[name] = np.pad(self._cells[name], (0, missing))
