"""Limits on a request that the application handles: the size of its body, and its time."""

from __future__ import annotations

import asyncio

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.http.error_responses import problem
from serving.options import LimitSettings


class BodyTooLargeError(HTTPException):
    """The body has more bytes than allowed; 413 as an answer."""

    def __init__(self, max_body_size: int) -> None:
        super().__init__(413, f"the request's body has more than {max_body_size} bytes")


class RequestLimits:
    """ASGI middleware: refuses large bodies, and ends requests that take too long.

    A stream of server-sent events has no time limit once it has started.

    Args:
        app: what handles the requests.
        limits: sizes and times.
    """

    def __init__(self, app: ASGIApp, limits: LimitSettings) -> None:
        self._app = app
        self._seconds = limits.request_timeout
        self._max_body_size = limits.max_body_size

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = _Body(receive, self._max_body_size, scope["method"] in ("GET", "HEAD"))
        started = False
        timer: asyncio.Timeout

        async def send_and_note(message: Message) -> None:
            nonlocal started
            if not started and message["type"] == "http.response.start":
                started = True
                if any(map(_is_stream, message["headers"])):
                    timer.reschedule(None)
            await send(message)

        try:
            for name, value in scope["headers"]:
                if name != b"content-length" or not value.isdigit():
                    continue
                if int(value[:20]) > self._max_body_size:
                    raise BodyTooLargeError(self._max_body_size)
            async with asyncio.timeout(self._seconds) as timer:
                await self._app(scope, body.receive, send_and_note)
        except BodyTooLargeError as error:
            answer = problem(413, error.detail)
        except TimeoutError:
            if not timer.expired():
                raise
            seconds = f"{self._seconds:g} s"
            answer = (
                problem(503, f"there was no answer within {seconds}", {"Retry-After": "1"})
                if body.complete
                else problem(408, f"the request did not arrive within {seconds}")
            )
        else:
            return
        if not started:
            await answer(scope, receive, send)


def _is_stream(header: tuple[bytes, bytes]) -> bool:
    name, value = header
    return name == b"content-type" and value.startswith(b"text/event-stream")


class _Body:
    """A request's body as it is received.

    Args:
        receive: where it comes from.
        max_size: bytes that it may have.
        complete: whether nothing of it is awaited.
    """

    def __init__(self, receive: Receive, max_size: int, complete: bool) -> None:
        self._receive = receive
        self._max_size = max_size
        self._size = 0
        self.complete = complete

    async def receive(self) -> Message:
        """The next part.

        Raises:
            BodyTooLargeError: the body has too many bytes.
        """
        message = await self._receive()
        if message["type"] == "http.request":
            self._size += len(message.get("body", b""))
            self.complete |= not message.get("more_body", False)
            if self._size > self._max_size:
                raise BodyTooLargeError(self._max_size)
        return message
