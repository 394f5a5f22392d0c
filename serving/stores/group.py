"""Several stores, queried in their order, each with a time limit and a circuit breaker.

A store that is down is not queried again for a moment, so that it does not make every request
wait; the others keep answering. A store is down if a query failed and its state cannot be read
either: a query that is too slow does not stop the answers for other clients.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import TypeVar

from serving.schemas.health import StoreHealth, StoreState
from serving.stores.base import Reader

T = TypeVar("T")
_LOG = logging.getLogger("rivulet.serving")
_OPEN_SECONDS = 1.0


class StoresDownError(RuntimeError):
    """No store had an answer, and some did not answer.

    Attributes:
        names: the names of the stores that did not answer.
    """

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(f"no answer from {', '.join(names)}")
        self.names = tuple(names)


class _NoAnswerError(Exception):
    """A query failed, or the store's circuit breaker is open."""


class _CircuitBreaker:
    """Queries a reader within a time limit, and not at all for a moment once it is down.

    Args:
        reader: the store's reader.
        timeout: seconds that a query may take.
    """

    def __init__(self, reader: Reader, timeout: float) -> None:
        self.reader = reader
        self.failure = ""
        self._timeout = timeout
        self._open_until = 0.0
        self._check: asyncio.Task[StoreState] | None = None

    async def query(self, query: Callable[[Reader], Awaitable[T]]) -> T:
        """The answer.

        Raises:
            _NoAnswerError: there is none.
        """
        if time.monotonic() < self._open_until:
            raise _NoAnswerError
        try:
            async with asyncio.timeout(self._timeout):
                return await query(self.reader)
        except Exception as error:  # the drivers' errors have no common base class
            failure = error
        if self._check is None or self._check.done():
            self._check = asyncio.create_task(self.state())
        with suppress(_NoAnswerError):
            await asyncio.shield(self._check)
            # The store answers, so it was the query that failed or was too slow.
            _LOG.warning("%s: a query failed: %s", self.reader.name, self._reason(failure))
        raise _NoAnswerError from failure

    async def state(self) -> StoreState:
        """The state of the store.

        Raises:
            _NoAnswerError: the store is down.
        """
        if time.monotonic() < self._open_until:
            raise _NoAnswerError
        try:
            async with asyncio.timeout(self._timeout):
                state = await self.reader.state()
        except Exception as error:  # the drivers' errors have no common base class
            self._open(self._reason(error), str(error))
            raise _NoAnswerError from error
        if self.failure:
            _LOG.warning("%s answers again", self.reader.name)
        self.failure = ""
        return state

    def _reason(self, error: Exception) -> str:
        if isinstance(error, TimeoutError):
            return f"no answer within {self._timeout:g} s"
        return _public_reason(error)

    def _open(self, reason: str, detail: str) -> None:
        if reason != self.failure:
            _LOG.warning("%s: %s %s", self.reader.name, reason, detail.split("\n")[0])
        self.failure = reason
        self._open_until = time.monotonic() + _OPEN_SECONDS


def _public_reason(error: Exception) -> str:
    """The reason for clients: a driver's own message may name hosts and accounts."""
    words = f"{type(error).__name__} {error}".lower()
    if "timeout" in words or "timed out" in words or "interrupted" in words:
        return "no answer in time"
    if "refused" in words or "connect" in words or "unable to open" in words:
        return "it cannot be reached"
    if "denied" in words or "auth" in words:
        return "it refuses the server's account"
    return f"it answered with an error ({type(error).__name__})"


class StoreGroup:
    """Several stores; the first one that has an answer is used.

    Args:
        readers: in the order in which they are queried.
        timeout: seconds that each query may take.
    """

    def __init__(self, readers: Sequence[Reader], timeout: float) -> None:
        self._stores = [_CircuitBreaker(reader, timeout) for reader in readers]

    async def first(
        self, query: Callable[[Reader], Awaitable[T]]
    ) -> tuple[T, str] | tuple[None, None]:
        """The first answer that is not empty and the name of its store; (None, None) for none.

        Raises:
            StoresDownError: there is none, and a store that may have one did not answer.
        """
        silent = []
        for store in self._stores:
            try:
                answer = await store.query(query)
            except _NoAnswerError:
                silent.append(store.reader.name)
                continue
            if answer:
                return answer, store.reader.name
        if silent:
            raise StoresDownError(silent)
        return None, None

    async def health(self) -> list[StoreHealth]:
        """The state of each store; they are queried at the same time."""
        return list(await asyncio.gather(*map(self._health, self._stores)))

    async def _health(self, store: _CircuitBreaker) -> StoreHealth:
        try:
            state = await store.state()
        except _NoAnswerError:
            return StoreHealth(store.reader.name, "down", store.failure)
        return StoreHealth(store.reader.name, state)

    async def close(self) -> None:
        """Closes all readers."""
        for store in self._stores:
            await store.reader.close()
