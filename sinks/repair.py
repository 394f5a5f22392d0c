"""Removes what stores hold of the future.

An event whose time is wrong may have left rows with times years ahead. Readers ignore them, but
they stay, and a history in Redis that is full of them has no room for others.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sinks.base import Store, StoreSource
from sinks.retry import error_line


@dataclass(frozen=True)
class Repaired:
    """What was found in a store.

    Attributes:
        store: its URL without secrets.
        removed: rows, documents or keys by table, collection or kind of key; only those with any.
        error: why the store could not be repaired, None where it was.
    """

    store: str
    removed: Mapping[str, int]
    error: str | None = None


def repair(
    sources: Sequence[StoreSource], max_future: int, dry_run: bool, now: float | None = None
) -> list[Repaired]:
    """Removes what has a time after the clock and `max_future` seconds more, store after store.

    Args:
        sources: the stores.
        max_future: seconds.
        dry_run: count, and change nothing.
        now: seconds since the epoch instead of the clock's.
    """
    latest = int(time.time() if now is None else now) + max_future
    return [
        in_store(source, lambda store: store.remove_future(latest, dry_run)) for source in sources
    ]


def in_store(source: StoreSource, remove: Callable[[Store], Mapping[str, int]]) -> Repaired:
    """Removes something from a store; an error is part of what is returned.

    Args:
        source: opens the store.
        remove: removes from the open store and returns how much of what.
    """
    try:
        store = source.open()
        try:
            removed = remove(store)
        finally:
            store.close()
    except Exception as error:
        return Repaired(source.name, {}, error_line(error))
    return Repaired(source.name, {name: count for name, count in removed.items() if count})
