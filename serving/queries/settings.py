"""The settings of the job's latest run, as its stores have them."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Mapping, Sequence

from serving.stores.group import StoreGroup, StoresDownError
from serving.stores.kinds import id_kinds
from transforms.messages.behaviors import USUAL_REWARDS, rewards_in
from transforms.messages.id_kinds import INTEGERS, IdKinds
from transforms.messages.job import Setting

_SECONDS = 5.0
_MOST = 366 * 86_400


class StoredSettings:
    """The settings, read again every few seconds.

    While no store answers, the last known ones are used.

    Args:
        stores: the stores.
    """

    def __init__(self, stores: StoreGroup) -> None:
        self._stores = stores
        self._given: Mapping[str, Setting] = {}
        self._rewards: Sequence[float] = USUAL_REWARDS
        self._ids = INTEGERS
        self._until = 0.0
        self._lock = asyncio.Lock()

    async def whole(self, name: str) -> int | None:
        """A window or size; None if unknown, or none that a job writes."""
        value = (await self._fresh()).get(name)
        return value if isinstance(value, int) and 0 < value <= _MOST else None

    async def seconds(self, name: str) -> int:
        """A time in seconds, which may be long; 0 if unknown."""
        value = (await self._fresh()).get(name)
        return value if isinstance(value, int) and value > 0 else 0

    async def is_none(self, name: str) -> bool:
        """Whether the job says that it has none of something."""
        return (await self._fresh()).get(name) == 0

    async def rewards(self) -> Sequence[float]:
        """What an event earns, by the code of its behavior."""
        await self._fresh()
        return self._rewards

    async def ids(self) -> IdKinds:
        """The kinds of the job's ids; integers where no store says so."""
        await self._fresh()
        return self._ids

    async def _fresh(self) -> Mapping[str, Setting]:
        if time.monotonic() >= self._until:
            async with self._lock:
                if time.monotonic() >= self._until:
                    await self._read()
        return self._given

    async def _read(self) -> None:
        try:
            found, _ = await self._stores.first(lambda reader: reader.job_settings())
        except StoresDownError:
            pass
        else:
            self._given = found.settings if found else {}
            with contextlib.suppress(ValueError):
                self._rewards = rewards_in(self._given)
            self._ids = id_kinds(found)
        self._until = time.monotonic() + _SECONDS
