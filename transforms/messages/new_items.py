"""The catalogue's newest items, of which a model may know none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from transforms.columns.names import Names
    from transforms.messages.events import Int64s


@dataclass(frozen=True, slots=True, eq=False)
class NewItems:
    """What a catalogue says of new items at a time. Compares by identity.

    Attributes:
        items: int64 [c], items that were created a short time ago and are available, the newest
            first; of one time the smaller id, or the smaller text, first.
        category: int64 [c], the key of each one's category.
        categories: int64 [n], the key of the category of each item of the catalogue, in the order
            of `Availability.ids`; 0 for none. Times between which none changes share the array.
        names: the texts of `items`; None where they are integers.
    """

    items: Int64s
    category: Int64s
    categories: Int64s
    names: Names | None = None

    def __len__(self) -> int:
        return len(self.items)

    def equals(self, other: NewItems) -> bool:
        """Whether both say the same."""
        return (
            self.categories is other.categories
            and np.array_equal(self.items, other.items)
            and np.array_equal(self.category, other.category)
        )


@dataclass(frozen=True, slots=True, eq=False)
class NewPlaces:
    """New items for lists, a row for each list.

    Attributes:
        items: int64 [n, p], best first, 0 after the last one.
        length: int64 [n], how many of a row's items are valid.
    """

    items: Int64s
    length: Int64s

    @staticmethod
    def empty(n: int, p: int) -> NewPlaces:
        """None for `n` lists, with room for `p`."""
        return NewPlaces(np.zeros((n, p), np.int64), np.zeros(n, np.int64))

    def take(self, rows: slice | np.ndarray) -> NewPlaces:
        """The rows at `rows`."""
        return NewPlaces(self.items[rows], self.length[rows])

    def put(self, rows: slice | Int64s, other: NewPlaces) -> None:
        """Writes rows over those at `rows`."""
        self.items[rows], self.length[rows] = other.items, other.length
