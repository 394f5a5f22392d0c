"""What all queries share: the stores, the job's settings, the catalogue, and their lanes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, nullcontext

from serving.queries.catalogue import Catalogue
from serving.queries.settings import StoredSettings
from serving.schemas.items import Item
from serving.stores.group import StoreGroup
from serving.workers import WorkerThreads
from transforms.messages.id_kinds import IdKinds

_HEAVY_AT_ONCE = 2
"""Queries with many rows that run at the same time: fewer than a store's threads."""
LIGHT_ROWS = 1000
LIGHT_LISTS = 20
LIGHT_MINUTES = 1440


class StoreQueries:
    """Queries to a group of stores.

    Args:
        stores: the stores.
        threads: where outcomes are computed.
    """

    def __init__(self, stores: StoreGroup, threads: WorkerThreads) -> None:
        self.stores = stores
        self.threads = threads
        self.settings = StoredSettings(stores)
        self.catalogue = Catalogue(stores, self.settings)
        self._heavy = asyncio.Semaphore(_HEAVY_AT_ONCE)

    def lane(self, heavy: bool) -> AbstractAsyncContextManager[None]:
        """Where a query waits: heavy ones wait for each other, so that others find a thread."""
        return self._heavy if heavy else nullcontext()

    async def job_setting(self, name: str) -> int | None:
        """A window or size that the job's latest run was started with; None if unknown."""
        return await self.settings.whole(name)

    async def ids(self) -> IdKinds:
        """The kinds of the ids of the job's latest run; integers where no store says so."""
        return await self.settings.ids()

    async def items(self, ids: Sequence[str]) -> dict[str, Item]:
        """Those of the items that a store has, by id."""
        return await self.catalogue.items(ids)
