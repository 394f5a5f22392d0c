"""Items that a list must not have, beside those of the user's history."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from transforms.messages.availability import Availability

if TYPE_CHECKING:
    from transforms.messages.events import Bools, Int64s


@dataclass(frozen=True, slots=True, eq=False)
class Exclusions:
    """Items that lists must not have, a row for each list.

    Attributes:
        items: int64 [n, m], left-aligned, padded with 0.
        length: int64 [n], how many of `items` are valid.
        available: the items that lists may have, one for each group; empty where all may be in
            them.
        group: int64 [n], the list's place in `available`; None where there is one group at most.
    """

    items: Int64s
    length: Int64s
    available: tuple[Availability, ...] = ()
    group: Int64s | None = None

    def __len__(self) -> int:
        return len(self.length)

    @staticmethod
    def none(n: int) -> Exclusions:
        """No items of their own for `n` lists."""
        return Exclusions(np.zeros((n, 0), np.int64), np.zeros(n, np.int64))

    def take(self, rows: slice | Int64s) -> Exclusions:
        """The rows at `rows`."""
        group = None if self.group is None else self.group[rows]
        return Exclusions(self.items[rows], self.length[rows], self.available, group)

    @property
    def valid(self) -> Bools:
        """Which places of `items` hold an item: bool [n, m]."""
        return np.arange(self.items.shape[1]) < self.length[:, None]

    def groups(self) -> Iterator[tuple[Int64s, Exclusions]]:
        """The rows of each group, and their exclusions, which are of one group at most."""
        if self.group is None:
            yield np.arange(len(self)), self
            return
        for number, available in enumerate(self.available):
            if (rows := np.flatnonzero(self.group == number)).size:
                yield rows, replace(self.take(rows), available=(available,), group=None)

    def allows(self, items: Int64s) -> Bools:
        """Which items a list may have: bool [n, k], for items int64 [n, k]."""
        allowed = np.ones(items.shape, bool)
        valid = self.valid
        for column in range(self.items.shape[1]):
            allowed &= (self.items[:, column, None] != items) | ~valid[:, column, None]
        for rows, part in self.groups():
            for available in part.available:
                allowed[rows] &= available.of(items[rows])
        return allowed

    @staticmethod
    def concat(parts: Sequence[Exclusions]) -> Exclusions:
        """The rows of all parts (at least one)."""
        if len(parts) == 1:
            return parts[0]
        width = max(part.items.shape[1] for part in parts)
        items = [np.pad(part.items, ((0, 0), (0, width - part.items.shape[1]))) for part in parts]
        lengths = [part.length for part in parts]
        joined = Exclusions(np.concatenate(items), np.concatenate(lengths))
        available = tuple(dict.fromkeys(each for part in parts for each in part.available))
        if len(available) < 2:
            return replace(joined, available=available)
        groups = [
            np.array([available.index(each) for each in part.available], np.int64)[
                np.zeros(len(part), np.int64) if part.group is None else part.group
            ]
            for part in parts
        ]
        return replace(joined, available=available, group=np.concatenate(groups))
