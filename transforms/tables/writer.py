"""Writes changes of a table: entries of the logs, and cells that are merged."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import numpy as np

from transforms.columns.hashing import mix
from transforms.messages.events import Bools, Int64s
from transforms.tables.cells import BaseCell
from transforms.tables.directory import MOST_BITS, has_prefix
from transforms.tables.index import VERSION_BYTES, TableIndex
from transforms.tables.layout import Rows, count_rows
from transforms.tables.place import TablePlace
from transforms.tables.user_table import UserTable

ENTRY_BYTES = 8
"""Bytes of the number that an entry of a log starts with."""


class TableWriter:
    """Writes rows into the state of a table.

    Args:
        place: where the table is.
        index: its index.
        rows: by user; newer than those that the table has.
    """

    def __init__(self, place: TablePlace, index: TableIndex, rows: Rows) -> None:
        self._place, self._index, self._rows = place, index, rows
        self._hash = hashlib.blake2b(index.digest, digest_size=VERSION_BYTES)
        self._cell = [index.directory.cell_of(frame.user) for frame in rows]

    def write(self, table: UserTable, kept: Callable[[Rows], Rows]) -> tuple[UserTable, TableIndex]:
        """Writes entries and merged cells.

        Args:
            table: the table that the rows are added to.
            kept: as in `StoredTable.add`.

        Returns:
            The table and its index after that. The caller writes the index.
        """
        index = self._index
        count = np.zeros(len(index.prefix), np.int64)
        for cells in self._cell:
            count += np.bincount(cells, minlength=len(count))
        is_full = (count > 0) & (index.log_rows + count > self._most_log_rows())
        log_bytes = index.log_bytes.copy()
        for cell in np.flatnonzero((count > 0) & ~is_full).tolist():
            log_bytes[cell] += self._append(cell)
        self._index = index.replaced(
            entries=index.entries + 1,
            log_rows=np.where(is_full, 0, index.log_rows + count),
            log_bytes=np.where(is_full, 0, log_bytes),
        )
        table = table.added(self._rows)
        full: list[int] = np.flatnonzero(is_full).tolist()
        if full:
            bases = list(table.bases)
            for cell in full:
                self._merge(cell, kept(table.rows_in(cell)), bases)
            table = table.with_cells(full, self._index.directory, tuple(bases))
        digest = np.frombuffer(self._hash.digest(), np.int8)
        return table, self._index.replaced(version=digest)

    def _most_log_rows(self) -> Int64s:
        """The rows that each cell's log may have: spread by half, so that merges are, too."""
        index, limits = self._index, self._place.limits
        seed = mix(index.prefix + (self._place.key << MOST_BITS)) >> np.uint64(11)
        spread = 0.75 + 0.5 * (seed.astype(np.float64) / (1 << 53))
        share = (index.base_rows * limits.log_share * spread).astype(np.int64)
        return np.maximum(share, limits.log_rows)

    def _append(self, cell: int) -> int:
        """Adds an entry to a cell's log: its bytes."""
        rows = tuple(
            frame.take(self._is_in(number, cell)) for number, frame in enumerate(self._rows)
        )
        number = int(self._index.entries[0]).to_bytes(ENTRY_BYTES, "little")
        entry = number + self._place.layout.encode(rows)
        self._place.log(cell).add(entry)
        self._hash.update(b"%d:" % cell + entry)
        return len(entry)

    def _is_in(self, number: int, cell: int) -> Bools | slice:
        return slice(None) if len(self._index.prefix) == 1 else self._cell[number] == cell

    def _merge(self, cell: int, rows: Rows, bases: list[BaseCell | None]) -> None:
        """Writes a cell's rows anew, in several cells if they are too large for one."""
        encoded = self._place.layout.encode(rows)
        bits = max(0, (len(encoded) - 1) // self._place.limits.cell_bytes).bit_length()
        bits = min(bits, MOST_BITS - int(self._index.depth[cell]))
        while (1 << bits) - 1 > self._place.states.cells - len(bases):
            bits -= 1
        parts = self._index.directory.parts_of(cell, bits)
        numbers = [cell, *range(len(bases), len(bases) + len(parts) - 1)]
        bases += [None] * (len(parts) - 1)
        self._grow(len(bases))
        self._place.log(cell).clear()
        for number, (prefix, depth) in zip(numbers, parts, strict=True):
            some = rows
            if bits:
                some = tuple(frame.take(has_prefix(frame.user, prefix, depth)) for frame in rows)
                encoded = self._place.layout.encode(some)
            self._place.base(number).write(encoded)
            self._hash.update(b"%d=" % number + encoded)
            bases[number] = BaseCell(self._place.layout, encoded)
            self._set(number, prefix, depth, count_rows(some), len(encoded))

    def _grow(self, cells: int) -> None:
        """Makes room for the numbers of new cells."""
        missing = cells - len(self._index.prefix)
        if missing:
            per_cell = ("prefix", "depth", "base_rows", "log_rows", "base_bytes", "log_bytes")
            self._index = self._index.replaced(
                **{name: np.pad(getattr(self._index, name), (0, missing)) for name in per_cell}
            )

    def _set(self, cell: int, prefix: int, depth: int, rows: int, size: int) -> None:
        values = {"prefix": prefix, "depth": depth, "base_rows": rows, "base_bytes": size}
        changed = {name: getattr(self._index, name).copy() for name in values}
        for name, value in values.items():
            changed[name][cell] = value
        self._index = self._index.replaced(**changed)
