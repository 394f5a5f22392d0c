"""Threads for work that would block the event loop, with a bound on what waits for them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
_WAITING_PER_THREAD = 32


class OverloadedError(RuntimeError):
    """More work is waiting than can be done soon."""


class WorkerThreads:
    """A pool of threads.

    Args:
        count: threads.
    """

    def __init__(self, count: int) -> None:
        self._pool = ThreadPoolExecutor(count, thread_name_prefix="work")
        self._max_waiting = count * _WAITING_PER_THREAD
        self._waiting = 0

    async def run(self, work: Callable[[], T]) -> T:
        """The result of the work.

        Raises:
            OverloadedError: too much is waiting already.
        """
        if self._waiting >= self._max_waiting:
            raise OverloadedError("the server is overloaded")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """Ends the threads once their current work is done."""
        self._pool.shutdown(wait=False, cancel_futures=True)
