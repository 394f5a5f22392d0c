"""What a table has of a user: frames of rows by user."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from transforms.columns.codec import Buffer, read_columns, write_columns
from transforms.columns.frames import Frame, column_names, name_columns, names_in
from transforms.columns.id_names import IdNames
from transforms.columns.packing import order
from transforms.columns.ranges import run_starts
from transforms.messages.events import Int64s

Rows = tuple[Any, ...]
"""A frame of each of a layout's kinds, each by its column `user`."""


@dataclass(frozen=True, eq=False)
class RowKind:
    """A kind of rows.

    Attributes:
        frame: the frame's type; it has a column `user`, int64.
        latest: a user has one row, the one that was added last; else all that were added, the
            older ones first.
        empty: makes a frame without rows.
        join: makes one frame of several (at least one), which may be of different widths.
    """

    frame: type[Frame]
    latest: bool
    empty: Callable[[], Any]
    join: Callable[[Sequence[Any]], Any]

    def columns(self) -> tuple[str, ...]:
        """The names of the frame's columns."""
        return column_names(self.frame)  # type: ignore[arg-type]

    @property
    def has_ids(self) -> bool:
        """Whether the frame carries names of ids that are text."""
        return bool(self.frame.USERS or self.frame.ITEMS)


@dataclass(frozen=True, eq=False)
class Layout:
    """The kinds of rows of a table.

    Attributes:
        kinds: the kinds; their order and frames are the format of what is stored.
    """

    kinds: tuple[RowKind, ...]

    def empty(self) -> Rows:
        """No rows."""
        return tuple(kind.empty() for kind in self.kinds)

    def merged(self, parts: Sequence[Rows]) -> Rows:
        """What parts have together.

        Args:
            parts: rows by user, the older parts first.
        """
        frames = zip(*parts, strict=True) if parts else [()] * len(self.kinds)
        pairs = zip(self.kinds, frames, strict=True)
        return tuple(
            _merged(kind, [frame for frame in found if len(frame)]) for kind, found in pairs
        )

    def encode(self, rows: Rows) -> bytes:
        """Rows as bytes: the frames' columns one after the other, then the names."""
        columns = [column for frame in rows for column in frame.columns()]
        names = IdNames.merged(frame.own_names() for frame in rows)
        return write_columns([*columns, *name_columns(names)])

    def decode(self, encoded: Buffer) -> Rows:
        """The rows that `encode` wrote."""
        columns = read_columns(encoded)
        widths = self.widths()
        names = names_in(columns[sum(widths) :])
        found = []
        for kind, width in zip(self.kinds, widths, strict=True):
            frame = kind.frame(*columns[:width])
            found.append(restricted(frame.named(names)) if kind.has_ids else frame)
            columns = columns[width:]
        return tuple(found)

    def widths(self) -> list[int]:
        """The number of columns of each kind."""
        return [len(kind.columns()) for kind in self.kinds]


def restricted(frame: Any) -> Any:
    """The frame with no other names than those of its ids."""
    return frame if frame.names is None else type(frame)(*frame.columns()).named(frame.own_names())


def count_rows(rows: Rows) -> int:
    """How many rows there are, of all kinds."""
    return sum(map(len, rows))


def bytes_of(rows: Rows) -> int:
    """Bytes of memory that rows take, without names."""
    return sum(int(column.nbytes) for frame in rows for column in frame.columns())


def _merged(kind: RowKind, frames: list[Any]) -> Any:
    if not frames:
        return kind.empty()
    whole = kind.join(frames)
    if len(frames) == 1:
        return whole
    rows: Int64s = order(whole.user)
    if kind.latest:
        starts = run_starts(whole.user[rows])
        rows = rows[np.append(starts[1:], len(rows)) - 1]
    return restricted(whole.take(rows))
