"""Items of the catalogue, as stores keep them for the API."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CatalogueItems:
    """Rows of a catalogue; of an item the row with the largest `updated` counts.

    Attributes:
        items: ids as texts.
        updated: seconds since the epoch from which on each row counts.
        available: whether the item is on offer; false also for one that is gone.
        details: a JSON object for each, with `category`, `title`, `image`, `price` and `created` as
            far as they are given.
    """

    items: tuple[str, ...]
    updated: tuple[int, ...]
    available: tuple[bool, ...]
    details: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.items)
