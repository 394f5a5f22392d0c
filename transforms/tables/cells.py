"""A cell's base: its rows as they are encoded, or decoded where they are few."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from transforms.columns.codec import find_columns
from transforms.columns.frames import names_in
from transforms.columns.narrow import Int64s, NarrowColumn
from transforms.tables.layout import Layout, Rows, bytes_of, restricted


class BaseCell(Protocol):
    """The merged rows of a cell."""

    @property
    def nbytes(self) -> int:
        """Bytes of memory, about."""
        ...

    def ranges(self, kind: int, users: Int64s) -> tuple[Int64s, Int64s]:
        """First and end row of each user: int64 [n] each; empty ranges for unknown users."""
        ...

    def take(self, kind: int, rows: Int64s) -> Any:
        """A frame of the rows of a kind."""
        ...

    def rows(self) -> Rows:
        """All rows."""
        ...


class EncodedCell:
    """Encoded rows. They are looked up in the bytes.

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
        """As in `BaseCell`."""
        return self._user[kind].ranges(users)

    def take(self, kind: int, rows: Int64s) -> Any:
        """As in `BaseCell`."""
        what = self._layout.kinds[kind]
        frame = what.frame(*[column.take(rows) for column in self._columns[kind]])
        return restricted(frame.named(self._names)) if what.has_ids else frame

    def rows(self) -> Rows:
        """As in `BaseCell`."""
        return tuple(self.take(kind, np.arange(len(user))) for kind, user in enumerate(self._user))


class DecodedCell:
    """Decoded rows: a look-up takes a fraction of the time, and a row twice the memory.

    Args:
        rows: by user.
    """

    def __init__(self, rows: Rows) -> None:
        self._rows, self.nbytes = rows, bytes_of(rows)

    def ranges(self, kind: int, users: Int64s) -> tuple[Int64s, Int64s]:
        """As in `BaseCell`."""
        known = self._rows[kind].user
        return known.searchsorted(users, "left"), known.searchsorted(users, "right")

    def take(self, kind: int, rows: Int64s) -> Any:
        """As in `BaseCell`."""
        return restricted(self._rows[kind].take(rows))

    def rows(self) -> Rows:
        """As in `BaseCell`."""
        return self._rows


def base_cell(
    layout: Layout, encoded: bytes, decoded_bytes: int, rows: Rows | None = None
) -> BaseCell:
    """A cell's base.

    Args:
        layout: the kinds of rows.
        encoded: what `Layout.encode` gave.
        decoded_bytes: size of the encoded rows up to which they are kept decoded.
        rows: what was encoded, if it is known.
    """
    if len(encoded) > decoded_bytes:
        return EncodedCell(layout, encoded)
    return DecodedCell(layout.decode(encoded) if rows is None else rows)
