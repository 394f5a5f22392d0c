"""The catalogue's items in stores: which may be shown."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

from serving.schemas.items import Item
from serving.stores.rows import MalformedRowError, text, whole
from transforms.messages.catalogue_items import image_address, shown_text


@runtime_checkable
class ItemReader(Protocol):
    """A store's reader that has items."""

    async def items(self, ids: Sequence[str]) -> list[Item]:
        """Those of the items that the store has, in any order."""
        ...

    async def has_items(self) -> bool:
        """Whether the store has any item."""
        ...


def item_of(row: Sequence[Any]) -> Item:
    """An item from a row: id, updated, available, details.

    Raises:
        MalformedRowError: it is not what a job writes.
    """
    name, updated, available, details = row
    try:
        found = json.loads(text(details))
        price, created = found.get("price"), found.get("created")
        given = {key: found.get(key) for key in ("category", "title", "image")}
    except (ValueError, AttributeError, RecursionError) as error:
        raise MalformedRowError(f"{str(details)[:80]!r} is no JSON object") from error
    if not all(value is None or isinstance(value, str) for value in given.values()):
        raise MalformedRowError(f"{str(details)[:80]!r} has a text that is none")
    title, image, category = (given[name] for name in ("title", "image", "category"))
    return Item(
        text(name),
        bool(whole(int(available) if isinstance(available, bool) else available)),
        whole(updated),
        category=category and shown_text(category),
        title=title and shown_text(title),
        image=image and image_address(image),
        price=float(price) if isinstance(price, int | float) else None,
        created=created if isinstance(created, int) else None,
    )
