"""An executor of one daemon thread."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import TypeVar

T = TypeVar("T")


class SerialExecutor:
    """Runs functions one after another in a daemon thread.

    `concurrent.futures.ThreadPoolExecutor` joins its threads when the process exits. A thread that
    retries a store that is unavailable would keep the process from exiting.

    Args:
        name: name of the thread.
    """

    def __init__(self, name: str) -> None:
        self._queue: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        threading.Thread(target=self._run, daemon=True, name=name).start()

    def submit(self, function: Callable[[], T]) -> Future[T]:
        """Queues a function; the future holds its result or its error."""
        future: Future[T] = Future()

        def call() -> None:
            try:
                future.set_result(function())
            except BaseException as error:  # It is raised where the result is asked for.
                future.set_exception(error)

        self._queue.put(call)
        return future

    def close(self) -> None:
        """Ends the thread after what is queued."""
        self._queue.put(None)

    def _run(self) -> None:
        while (call := self._queue.get()) is not None:
            call()
