"""One open store per job and process: the steps and threads of a job share its connections."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from sinks.base import Store, StoreSource

_Key = tuple[str, StoreSource]


@dataclass(slots=True)
class _Shared:
    store: Store
    users: int = 0


_STORES: dict[_Key, _Shared] = {}
_LOCK = threading.Lock()


def acquire(job: str, source: StoreSource) -> Store:
    """The job's store for this source in this process; opened for the first user.

    Each call needs one call of `release`.

    Args:
        job: name of the job.
        source: what to open.
    """
    with _LOCK:
        shared = _STORES.get((job, source))
        if shared is None:
            shared = _STORES[job, source] = _Shared(source.open())
        shared.users += 1
        return shared.store


def release(job: str, source: StoreSource) -> None:
    """Gives the store back; it is closed after its last user."""
    with _LOCK:
        shared = _STORES[job, source]
        shared.users -= 1
        if shared.users:
            return
        del _STORES[job, source]
    shared.store.close()
