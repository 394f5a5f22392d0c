"""A table of users in the memory of a worker: what state holds, decoded as far as it is needed.

A log-structured merge tree (O'Neil, Cheng, Gawlick and O'Neil, 1996) with one level in state, the
cells. The rows of the log are kept in levels of growing size, so that a look-up goes through few.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from transforms.columns.packing import order
from transforms.columns.ranges import expand_ranges
from transforms.messages.events import Int64s
from transforms.tables.cells import BaseCell
from transforms.tables.directory import Directory
from transforms.tables.layout import Layout, Rows, bytes_of, count_rows, restricted

GROWTH = 4
"""A level has at least so many times the rows of the next one."""


@dataclass(frozen=True, slots=True, eq=False)
class UserTable:
    """Rows by user; methods return new tables.

    Attributes:
        layout: the kinds of rows.
        directory: which cell a user is in.
        bases: of each cell, what was merged; None for nothing.
        levels: what was added since, the oldest first.
    """

    layout: Layout
    directory: Directory
    bases: tuple[BaseCell | None, ...]
    levels: tuple[Rows, ...]

    @staticmethod
    def empty(layout: Layout) -> UserTable:
        """A table of one cell without rows."""
        whole = Directory(np.zeros(1, np.int64), np.zeros(1, np.int64))
        return UserTable(layout, whole, (None,), ())

    def rows_of(self, users: Int64s) -> Rows:
        """The rows of some users.

        Args:
            users: int64 [n], distinct, ascending.
        """
        return tuple(
            self._latest(kind, users) if what.latest else self._all(kind, users)
            for kind, what in enumerate(self.layout.kinds)
        )

    def rows_in(self, cell: int) -> Rows:
        """All rows of a cell."""
        return self.layout.merged(self.parts_of(cell))

    def parts_of(self, cell: int) -> list[Rows]:
        """The rows of a cell in parts, the older ones first."""
        base = self.bases[cell]
        parts = [] if base is None else [base.rows()]
        parts += [
            tuple(frame.take(self.directory.cell_of(frame.user) == cell) for frame in level)
            if len(self.bases) > 1
            else level
            for level in self.levels
        ]
        return parts

    def added(self, rows: Rows) -> UserTable:
        """The table after rows were added, which are newer than all others."""
        levels = [*self.levels, tuple(map(restricted, rows))]
        while len(levels) > 1 and count_rows(levels[-2]) < GROWTH * count_rows(levels[-1]):
            levels[-2:] = [self.layout.merged(levels[-2:])]
        return UserTable(self.layout, self.directory, self.bases, tuple(levels))

    def with_cells(
        self, cells: Sequence[int], directory: Directory, bases: tuple[BaseCell | None, ...]
    ) -> UserTable:
        """The table after cells were merged, and some divided.

        Args:
            cells: the cells, by their numbers before, whose rows `bases` have.
            directory: of all cells, after that.
            bases: of all cells, after that.
        """
        merged = np.zeros(len(self.bases), bool)
        merged[list(cells)] = True
        levels = []
        for level in self.levels if not merged.all() else ():
            rows = tuple(
                restricted(frame.take(~merged[self.directory.cell_of(frame.user)]))
                for frame in level
            )
            if count_rows(rows):
                levels.append(rows)
        return UserTable(self.layout, directory, bases, tuple(levels))

    def nbytes(self) -> int:
        """Bytes of memory, about: without names."""
        bases = sum(base.nbytes for base in self.bases if base is not None)
        return bases + sum(map(bytes_of, self.levels))

    def _latest(self, kind: int, users: Int64s) -> Any:
        found = []
        for level in reversed(self.levels):
            if not len(users):
                break
            frame = level[kind]
            first = np.searchsorted(frame.user, users)
            known = _at(frame.user, first) == users if len(frame) else np.zeros(len(users), bool)
            if known.any():
                found.append(restricted(frame.take(first[known])))
                users = users[~known]
        for base, some in self._by_cell(users):
            first, end = base.ranges(kind, some)
            if (end > first).any():
                found.append(base.take(kind, first[end > first]))
        return self._joined(kind, found)

    def _all(self, kind: int, users: Int64s) -> Any:
        found = []
        for base, some in self._by_cell(users):
            _, rows = expand_ranges(*base.ranges(kind, some))
            if len(rows):
                found.append(base.take(kind, rows))
        for level in self.levels:
            frame = level[kind]
            first = np.searchsorted(frame.user, users, side="left")
            _, rows = expand_ranges(first, np.searchsorted(frame.user, users, side="right"))
            if len(rows):
                found.append(restricted(frame.take(rows)))
        return self._joined(kind, found)

    def _joined(self, kind: int, found: list[Any]) -> Any:
        what = self.layout.kinds[kind]
        if not found:
            return what.empty()
        whole = what.join(found)
        return whole if len(found) == 1 else whole.take(order(whole.user))

    def _by_cell(self, users: Int64s) -> Iterator[tuple[BaseCell, Int64s]]:
        for cell, rows in self.directory.split(users):
            base = self.bases[cell]
            if base is not None:
                yield base, users[rows]


def _at(column: Int64s, rows: Int64s) -> Int64s:
    return column[np.minimum(rows, len(column) - 1)]
