"""Server-sent events: a new listener gets the latest message of each topic, then all new ones."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

from serving.http.replies import etag_of

_MAX_UNREAD = 64
_KEEP_ALIVE_SECONDS = 15.0


class TooManyListenersError(RuntimeError):
    """The limit of listeners is reached."""


class Broadcaster:
    """Sends messages to listeners.

    Args:
        max_listeners: listeners at a time.
        count: called with the number of listeners when it changes.
    """

    def __init__(self, max_listeners: int, count: Callable[[int], object]) -> None:
        self._max_listeners = max_listeners
        self._count = count
        self._latest: dict[str, bytes] = {}
        self._digests: dict[str, str] = {}
        self._listeners: set[asyncio.Queue[bytes | None]] = set()
        self._closed = False

    @property
    def listeners(self) -> int:
        """The number of listeners."""
        return len(self._listeners)

    def publish(self, topic: str, content: bytes) -> None:
        """Sends JSON to all listeners and keeps it for new ones, unless it is unchanged."""
        digest = etag_of(content)
        if self._digests.get(topic) == digest:
            return
        self._digests[topic] = digest
        message = _message(topic, content)
        self._latest[topic] = message
        self._send(message)

    def send(self, topic: str, content: bytes) -> None:
        """Sends JSON to the present listeners only."""
        self._send(_message(topic, content))

    def keep(self, topic: str, content: bytes) -> None:
        """Keeps JSON for new listeners only."""
        self._latest[topic] = _message(topic, content)

    def _send(self, message: bytes) -> None:
        for queue in list(self._listeners):
            try:
                queue.put_nowait(message)
            except asyncio.QueueFull:
                # Its client does not read. A browser that is alive connects again by itself.
                self._drop(queue)

    def _drop(self, queue: asyncio.Queue[bytes | None]) -> None:
        self._listeners.discard(queue)
        while not queue.empty():
            queue.get_nowait()
        queue.put_nowait(None)

    def listen(self) -> AsyncIterator[bytes]:
        """The messages as bytes of an event stream, until the broadcaster closes.

        Raises:
            TooManyListenersError: the limit is reached.
        """
        if len(self._listeners) >= self._max_listeners:
            raise TooManyListenersError
        return self._messages()

    async def _messages(self) -> AsyncIterator[bytes]:
        queue: asyncio.Queue[bytes | None] = asyncio.Queue(_MAX_UNREAD)
        self._listeners.add(queue)
        self._count(len(self._listeners))
        try:
            yield b"retry: 2000\n\n" + b"".join(self._latest.values())
            while not self._closed:
                try:
                    async with asyncio.timeout(_KEEP_ALIVE_SECONDS):
                        message = await queue.get()
                except TimeoutError:
                    message = b": keep-alive\n\n"
                if message is None:
                    return
                yield message
        finally:
            self._listeners.discard(queue)
            self._count(len(self._listeners))

    def close(self) -> None:
        """Ends all streams."""
        self._closed = True
        for queue in list(self._listeners):
            self._drop(queue)


def _message(topic: str, content: bytes) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (topic.encode(), content)
