"""The kinds of a store's ids, as the latest job recorded them."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

from serving.stores.rows import IdRows
from transforms.messages.id_kinds import INTEGERS, IdKinds
from transforms.messages.job import JobSettings

_SECONDS = 5.0


class StoreKinds:
    """Reads the kinds again every few seconds; without a job's settings ids are integers.

    Args:
        settings: reads the settings of the store's latest job.
    """

    def __init__(self, settings: Callable[[], Awaitable[JobSettings | None]]) -> None:
        self._settings = settings
        self._rows = IdRows(INTEGERS)
        self._until = 0.0

    async def rows(self) -> IdRows:
        """Makes rows with ids of the store's kinds."""
        if time.monotonic() >= self._until:
            found = await self._settings()
            self._rows = IdRows(id_kinds(found))
            self._until = time.monotonic() + _SECONDS
        return self._rows


def id_kinds(found: JobSettings | None) -> IdKinds:
    """The kinds in a job's settings; integers where they say nothing that is known."""
    try:
        return INTEGERS if found is None else IdKinds.of_settings(found.settings)
    except ValueError:
        return INTEGERS
