"""A cell's base: its rows as they are encoded."""

from __future__ import annotations

from typing import Any

import numpy as np

from transforms.columns.codec import find_columns
from transforms.columns.frames import names_in
from transforms.columns.narrow import Int64s, NarrowColumn
from transforms.tables.layout import Layout, Rows, restricted


class BaseCell:
    """Encoded rows of a cell. They are looked up in the bytes.

    Args:
        layout: the kinds of rows.
        encoded: what `Layout.encode` gave.
    """

    def __init__(self, layout: Layout, encoded: bytes) -> None:
        self._layout, self.nbytes = layout, len(encoded)
        columns = find_columns(encoded)
        self._columns: list[list[NarrowColumn]] = []
        for width in layout.widths():
            self._columns.append([NarrowColumn(column) for column in columns[:width]])
            columns = columns[width:]
        self._names = names_in([column.values() for column in columns])
        self._user = [
            frame[kind.columns().index("user")]
            for kind, frame in zip(layout.kinds, self._columns, strict=True)
        ]

    def ranges(self, kind: int, users: Int64s) -> tuple[Int64s, Int64s]:
        """First and end row of each user: int64 [n] each; empty ranges for unknown users."""
        return self._user[kind].ranges(users)

    def take(self, kind: int, rows: Int64s) -> Any:
        """A frame of the rows of a kind."""
        what = self._layout.kinds[kind]
        frame = what.frame(*[column.take(rows) for column in self._columns[kind]])
        return restricted(frame.named(self._names)) if what.has_ids else frame

    def rows(self) -> Rows:
        """All rows."""
        return tuple(self.take(kind, np.arange(len(user))) for kind, user in enumerate(self._user))
