"""Which items of a catalogue are available at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from transforms.messages.events import Bools, Int64s
    from transforms.messages.new_items import NewItems


class Origin(Protocol):
    """Where what is available at a time is found again; small, can be pickled."""

    def load(self) -> Availability:
        """Finds it."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Availability:
    """The items that are available at a time. Compares by identity: it may be a key of a cache.

    Attributes:
        ids: int64 [n], the catalogue's items, ascending. Times between which no item is added
            share the array.
        bits: bool [n], which of them are available.
        new: the items that are new at the time; None where nobody asked for them.
        origin: where it is found again; None where it is made of others.
    """

    ids: Int64s
    bits: Bools
    new: NewItems | None = None
    origin: Origin | None = None

    def __reduce__(self) -> tuple[object, ...]:
        # Beam estimates the sizes of elements by pickling them, many times a job.
        if self.origin is not None:
            return _found_again, (self.origin,)
        return _unpacked, (self.ids, np.packbits(self.bits), self.new)

    def of(self, items: Int64s) -> Bools:
        """Which items are available: those that are in the catalogue and available in it.

        Args:
            items: int64 of any shape.
        """
        place = places(self.ids, items)
        return self.at(place)

    def at(self, place: Int64s) -> Bools:
        """Which items are available, by their places (`places`)."""
        if not len(self.bits):
            return np.zeros(place.shape, bool)
        available: Bools = self.bits[place] & (place >= 0)
        return available


def _found_again(origin: Origin) -> Availability:
    return origin.load()


def _unpacked(ids: Int64s, packed: np.ndarray, new: NewItems | None) -> Availability:
    return Availability(ids, np.unpackbits(packed, count=len(ids)).view(bool), new)


def places(ids: Int64s, items: Int64s) -> Int64s:
    """The place of each item in ascending `ids`, -1 for those that are not there."""
    if not len(ids):
        return np.full(items.shape, -1, np.int64)
    place = np.minimum(np.searchsorted(ids, items), len(ids) - 1)
    return np.where(ids[place] == items, place, -1)
