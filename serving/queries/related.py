"""Queries for related items."""

from __future__ import annotations

from serving.queries.base import StoreQueries
from serving.schemas import Id
from serving.stores.base import Reader
from serving.stores.related import RelatedList, RelatedReader


class RelatedQueries(StoreQueries):
    """Queries for related items."""

    async def related(self, kind: str, item: Id) -> tuple[RelatedList, str] | None:
        """An item's newest list of a kind, and its store; None where no store has one."""

        async def read(reader: Reader) -> RelatedList | None:
            return await reader.related(kind, item) if isinstance(reader, RelatedReader) else None

        found, store = await self.stores.first(read)
        return (found, store) if found and store else None
