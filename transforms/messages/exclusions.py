"""Items that a list must not have, beside those of the user's history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from transforms.messages.availability import Availability
from transforms.messages.events import Bools, Int64s


@dataclass(frozen=True, slots=True, eq=False)
class Exclusions:
    """Items that lists must not have, a row for each list.

    Attributes:
        items: int64 [n, m], left-aligned, padded with 0.
        length: int64 [n], how many of `items` are valid.
        available: the items that lists may have; None where all may be in them.
    """

    items: Int64s
    length: Int64s
    available: Availability | None = None

    def __len__(self) -> int:
        return len(self.length)

    @staticmethod
    def none(n: int, available: Availability | None = None) -> Exclusions:
        """No items of their own for `n` lists."""
        return Exclusions(np.zeros((n, 0), np.int64), np.zeros(n, np.int64), available)

    def take(self, rows: slice | Int64s) -> Exclusions:
        """The rows at `rows`."""
        return Exclusions(self.items[rows], self.length[rows], self.available)

    @property
    def valid(self) -> Bools:
        """Which places of `items` hold an item: bool [n, m]."""
        return np.arange(self.items.shape[1]) < self.length[:, None]

    @staticmethod
    def concat(parts: Sequence[Exclusions]) -> Exclusions:
        """The rows of all parts (at least one), which have the same available items."""
        if len(parts) == 1:
            return parts[0]
        width = max(part.items.shape[1] for part in parts)
        items = [np.pad(part.items, ((0, 0), (0, width - part.items.shape[1]))) for part in parts]
        lengths = [part.length for part in parts]
        return Exclusions(np.concatenate(items), np.concatenate(lengths), parts[0].available)
