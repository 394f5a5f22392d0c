"""Related items in stores: what users bought or looked at together with an item."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from serving.schemas import Id
from serving.stores.rows import IdRows, MalformedRowError, each, from_json, whole


@dataclass(frozen=True, slots=True)
class RelatedList:
    """An item's related items of one kind.

    Attributes:
        time: start of the latest slot in which the item is in a pair, seconds since the epoch.
        items: best first.
        counts: for each of `items`, users who had to do with both, summed over the window's slots.
    """

    time: int
    items: list[Id]
    counts: list[int]


@runtime_checkable
class RelatedReader(Protocol):
    """A store's reader that has related items."""

    async def related(self, kind: str, item: Id) -> RelatedList | None:
        """The newest list of an item, of a kind of `transforms.messages.related.KINDS`."""
        ...


def related_list(ids: IdRows, row: Sequence[Any]) -> RelatedList:
    """A list from a time, items and counts, of which the latter may be JSON text.

    Raises:
        MalformedRowError: it is not what a job writes.
    """
    time, items, counts = row
    found, numbers = each(ids.item, from_json(items)), each(whole, from_json(counts))
    if len(found) != len(numbers):
        raise MalformedRowError(f"{len(found)} related items have {len(numbers)} counts")
    return RelatedList(whole(time), found, numbers)
