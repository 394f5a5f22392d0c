"""Server-sent events: what was last published to those who come, what is new to all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

from serving.http.replies import etag_of

MOST_LISTENERS = 256
_MOST_UNREAD = 64
_HEARTBEAT_SECONDS = 15.0


class TooManyListenersError(RuntimeError):
    """No more pages can be served live."""


class Broadcaster:
    """Hands messages to listeners.

    Args:
        counted: is told how many listeners there are.
    """

    def __init__(self, counted: Callable[[int], object]) -> None:
        self._counted = counted
        self._latest: dict[str, bytes] = {}
        self._digests: dict[str, str] = {}
        self._listeners: set[asyncio.Queue[bytes | None]] = set()
        self._closed = False

    @property
    def listeners(self) -> int:
        """How many listen."""
        return len(self._listeners)

    def publish(self, topic: str, content: bytes) -> None:
        """Sends JSON under a topic to all, unless it is what they have."""
        digest = etag_of(content)
        if self._digests.get(topic) == digest:
            return
        self._digests[topic] = digest
        message = _message(topic, content)
        self._latest[topic] = message
        self._send(message)

    def pass_on(self, topic: str, content: bytes) -> None:
        """Sends JSON to those who listen now; who comes later does not get it."""
        self._send(_message(topic, content))

    def keep(self, topic: str, content: bytes) -> None:
        """What who comes later gets under a topic."""
        self._latest[topic] = _message(topic, content)

    def _send(self, message: bytes) -> None:
        for queue in list(self._listeners):
            try:
                queue.put_nowait(message)
            except asyncio.QueueFull:
                # Its client reads nothing; the browser comes again by itself if it is alive.
                self._drop(queue)

    def _drop(self, queue: asyncio.Queue[bytes | None]) -> None:
        self._listeners.discard(queue)
        while not queue.empty():
            queue.get_nowait()
        queue.put_nowait(None)

    def listen(self) -> AsyncIterator[bytes]:
        """The messages, as bytes of an event stream, until the hub closes.

        Raises:
            TooManyListenersError: there are too many already.
        """
        if len(self._listeners) >= MOST_LISTENERS:
            raise TooManyListenersError
        return self._messages()

    async def _messages(self) -> AsyncIterator[bytes]:
        queue: asyncio.Queue[bytes | None] = asyncio.Queue(_MOST_UNREAD)
        self._listeners.add(queue)
        self._counted(len(self._listeners))
        try:
            yield b"retry: 2000\n\n" + b"".join(self._latest.values())
            while not self._closed:
                try:
                    async with asyncio.timeout(_HEARTBEAT_SECONDS):
                        message = await queue.get()
                except TimeoutError:
                    message = b": still here\n\n"
                if message is None:
                    return
                yield message
        finally:
            self._listeners.discard(queue)
            self._counted(len(self._listeners))

    def close(self) -> None:
        """Ends all streams: the server stops."""
        self._closed = True
        for queue in list(self._listeners):
            self._drop(queue)


def _message(topic: str, content: bytes) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (topic.encode(), content)
