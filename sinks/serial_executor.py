"""A thread that does one thing after another, and ends with the process at the latest."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import TypeVar

T = TypeVar("T")


class SerialExecutor:
    """Like an executor of one thread, but that nothing waits for it when the process ends.

    An executor's threads are joined then, and one that waits for a store that is out would never
    let go.

    Args:
        name: the thread's.
    """

    def __init__(self, name: str) -> None:
        self._work: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        threading.Thread(target=self._run, daemon=True, name=name).start()

    def submit(self, work: Callable[[], T]) -> Future[T]:
        """Lines up what is to be done; gives what will come of it, or its error."""
        future: Future[T] = Future()

        def do() -> None:
            try:
                future.set_result(work())
            except BaseException as error:  # It is raised where it is waited for.
                future.set_exception(error)

        self._work.put(do)
        return future

    def close(self) -> None:
        """Ends the thread behind what is lined up."""
        self._work.put(None)

    def _run(self) -> None:
        while (do := self._work.get()) is not None:
            do()
