"""The catalogue's items: details, and which may be shown."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence

from serving.queries.settings import StoredSettings
from serving.schemas.items import Item
from serving.stores.base import Reader
from serving.stores.group import StoreGroup, StoresDownError
from serving.stores.items import ItemReader

_SECONDS = 2.0
"""How long an item is known without being read again."""
_KEPT = 50_000
_AT_ONCE = 500
"""Items of one query."""

Offered = Callable[[object], bool]


class NoCatalogueError(ValueError):
    """The job has no catalogue, so that items have no categories."""


class Catalogue:
    """Items in stores, kept for a moment.

    Args:
        stores: the stores.
        settings: say whether the job has a catalogue.
    """

    def __init__(self, stores: StoreGroup, settings: StoredSettings) -> None:
        self._stores, self._settings = stores, settings
        self._known: OrderedDict[str, tuple[float, Item | None]] = OrderedDict()
        self._has_items = False
        self._until = 0.0

    async def exists(self) -> bool:
        """Whether the job has a catalogue."""
        return await self._settings.whole("catalogue") is not None

    async def items(self, ids: Sequence[str]) -> dict[str, Item]:
        """Those of the items that a store has, by id.

        Raises:
            StoresDownError: a store that may have them does not answer.
        """
        now = time.monotonic()
        wanted = dict.fromkeys(ids)
        missing = [item for item in wanted if self._known.get(item, (0.0, None))[0] <= now]
        for start in range(0, len(missing), _AT_ONCE):
            await self._read(missing[start : start + _AT_ONCE])
        found = {item: self._known.get(item, (0.0, None))[1] for item in wanted}
        while len(self._known) > _KEPT:
            self._known.popitem(last=False)
        return {item: known for item, known in found.items() if known is not None}

    async def _read(self, ids: Sequence[str]) -> None:
        async def read(reader: Reader) -> list[Item]:
            return await reader.items(ids) if isinstance(reader, ItemReader) else []

        found, _ = await self._stores.first(read)
        until = time.monotonic() + _SECONDS
        by_id = {item.item: item for item in found or []}
        for item in ids:
            self._known[item] = until, by_id.get(item)
            self._known.move_to_end(item)

    async def offered(self, ids: Iterable[object], category: str | None = None) -> Offered:
        """Which of the items may be shown: with a catalogue those that are available.

        Where no store has any item, or none answers, nothing is known, and all are shown; of a
        category, none.

        Args:
            ids: the items.
            category: show only items of this category.

        Raises:
            NoCatalogueError: a category is given, and the job has no catalogue.
        """
        if not await self.exists():
            if category is not None:
                raise NoCatalogueError(
                    "items have no categories: the job has no catalogue (--items)"
                )
            return lambda _: True
        try:
            known = await self.items([str(item) for item in ids])
            if not known and category is None and not await self._any():
                return lambda _: True
        except StoresDownError:
            if category is not None:
                raise
            return lambda _: True

        def is_offered(item: object) -> bool:
            found = known.get(str(item))
            if found is None or not found.available:
                return False
            return category is None or found.category == category

        return is_offered

    async def _any(self) -> bool:
        """Whether a store has any item."""
        if time.monotonic() >= self._until:

            async def read(reader: Reader) -> bool:
                return await reader.has_items() if isinstance(reader, ItemReader) else False

            self._has_items = bool((await self._stores.first(read))[0])
            self._until = time.monotonic() + _SECONDS
        return self._has_items
