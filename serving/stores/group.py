"""The stores together: asked in the order given, each for a limited time.

A store that failed is left alone for a moment, so that a dead one does not make every request
wait; the others go on answering.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from serving.schemas.responses import StoreHealth
from serving.stores.base import Reader

T = TypeVar("T")
_LOG = logging.getLogger("rivulet.serving")
_REST_SECONDS = 1.0


class StoresDownError(RuntimeError):
    """Nobody had an answer, and these stores could not be asked.

    Attributes:
        names: the stores' names.
    """

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(f"no answer from {', '.join(names)}")
        self.names = tuple(names)


class _SilentError(Exception):
    """A store failed, or is at rest after a failure."""


class _Guarded:
    """A reader with its time limit and what is known of its failures."""

    def __init__(self, reader: Reader, timeout: float) -> None:
        self.reader = reader
        self.failure = ""
        self._timeout = timeout
        self._rest_until = 0.0

    async def ask(self, question: Callable[[Reader], Awaitable[T]]) -> T:
        """The answer.

        Raises:
            _SilentError: there is none.
        """
        if time.monotonic() < self._rest_until:
            raise _SilentError
        try:
            async with asyncio.timeout(self._timeout):
                answer = await question(self.reader)
        except TimeoutError:
            self._failed(f"no answer within {self._timeout:g} s", "")
        except Exception as error:  # a driver's errors have no common base
            self._failed(_plainly(error), str(error))
        else:
            if self.failure:
                _LOG.warning("%s answers again", self.reader.name)
            self.failure = ""
            return answer
        raise _SilentError

    def _failed(self, plainly: str, detail: str) -> None:
        if plainly != self.failure:
            _LOG.warning("%s: %s %s", self.reader.name, plainly, detail.split("\n")[0])
        self.failure = plainly
        self._rest_until = time.monotonic() + _REST_SECONDS


def _plainly(error: Exception) -> str:
    """An error for everybody's eyes: a driver's own text may name hosts and accounts."""
    words = f"{type(error).__name__} {error}".lower()
    if "timeout" in words or "timed out" in words or "interrupted" in words:
        return "no answer in time"
    if "refused" in words or "connect" in words or "unable to open" in words:
        return "it cannot be reached"
    if "denied" in words or "auth" in words:
        return "it refuses our account"
    return f"it answered with an error ({type(error).__name__})"


class StoreGroup:
    """Several stores, the first that has something answers.

    Args:
        readers: in the order in which to ask.
        timeout: seconds that each may take.
    """

    def __init__(self, readers: Sequence[Reader], timeout: float) -> None:
        self._stores = [_Guarded(reader, timeout) for reader in readers]

    async def first(
        self, question: Callable[[Reader], Awaitable[T]]
    ) -> tuple[T, str] | tuple[None, None]:
        """The first answer that is not empty and the name of its store, or two Nones.

        Raises:
            StoresDownError: there is none, and a store that may have one does not answer.
        """
        silent = []
        for store in self._stores:
            try:
                answer = await store.ask(question)
            except _SilentError:
                silent.append(store.reader.name)
                continue
            if answer:
                return answer, store.reader.name
        if silent:
            raise StoresDownError(silent)
        return None, None

    async def health(self) -> list[StoreHealth]:
        """How each store is; they are asked at the same time."""
        return list(await asyncio.gather(*map(self._health, self._stores)))

    async def _health(self, store: _Guarded) -> StoreHealth:
        try:
            state = await store.ask(lambda reader: reader.state())
        except _SilentError:
            return StoreHealth(store.reader.name, "down", store.failure)
        return StoreHealth(store.reader.name, state)

    async def close(self) -> None:
        """Closes them all."""
        for store in self._stores:
            await store.reader.close()
