"""Which cell of a table a user is in: extendible hashing.

Fagin, Nievergelt, Pippenger and Strong, "Extendible hashing - a fast access method for dynamic
files" (1979). A cell has the users whose hash ends in its prefix. A cell that is full is divided
by one more bit, and all others stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from transforms.columns.hashing import mix
from transforms.columns.packing import order
from transforms.columns.ranges import runs
from transforms.messages.events import Int64s

MOST_BITS = 20
"""Longest prefix: bounds the memory of a look-up."""

_SHIFT = np.uint64(32)
"""Shards are of the hash's lowest bits."""


def _bits(users: Int64s) -> Int64s:
    return (mix(users) >> _SHIFT).astype(np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Directory:
    """The cells' prefixes.

    Attributes:
        prefix: int64 [c], the last `depth` bits of the hashes of a cell's users.
        depth: int64 [c], 0 to MOST_BITS.
    """

    prefix: Int64s
    depth: Int64s

    def cell_of(self, users: Int64s) -> Int64s:
        """The number of each user's cell: int64 [n]."""
        if len(self.prefix) == 1:
            return np.zeros(len(users), np.int64)
        most = int(self.depth.max())
        cells = np.empty(1 << most, np.int64)
        for cell, (prefix, depth) in enumerate(
            zip(self.prefix.tolist(), self.depth.tolist(), strict=True)
        ):
            cells[prefix :: 1 << depth] = cell
        found: Int64s = cells[_bits(users) & ((1 << most) - 1)]
        return found

    def split(self, users: Int64s) -> Iterator[tuple[int, Int64s]]:
        """Users by cell.

        Args:
            users: int64 [n].

        Yields:
            A cell and the rows of its users, in order.
        """
        if len(self.prefix) == 1:
            yield 0, np.arange(len(users))
            return
        cell = self.cell_of(users)
        rows = order(cell)
        for number, places in runs(cell[rows]):
            yield number, rows[places]

    def parts_of(self, cell: int, bits: int) -> list[tuple[int, int]]:
        """The prefixes and depths that a cell is divided into by some bits more."""
        prefix, depth = int(self.prefix[cell]), int(self.depth[cell])
        return [(prefix | part << depth, depth + bits) for part in range(1 << bits)]


def has_prefix(users: Int64s, prefix: int, depth: int) -> Int64s:
    """The rows of the users whose hash ends in a prefix."""
    return np.flatnonzero((_bits(users) & ((1 << depth) - 1)) == prefix)
