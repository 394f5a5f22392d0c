"""The HTTP protocol of a connection: uvicorn's, with limits on sizes, counts and times.

Uvicorn's httptools parser has no limit on the size of headers and no time limit for a request
that does not arrive. What is limited here comes before the application sees a request, hence
before authentication.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from serving.http.connections import ConnectionTable, peer_key
from serving.options import LimitSettings

_FRAMING = 8
"""Bytes of chunked framing for a byte of body; a chunk of one byte needs six."""

_AFTER_REQUEST = 1.0
"""Seconds after the request's time limit in which the application can still answer 408."""


class HeadersTooLargeError(Exception):
    """A request's headers are larger or more than allowed."""


class LimitedProtocol(HttpToolsProtocol):
    """A connection with limits.

    Args:
        limits: sizes and times.
        table: the server's connections.
        arguments: uvicorn's own.
    """

    def __init__(self, limits: LimitSettings, table: ConnectionTable, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._limits = limits
        self._table = table
        self.peer = ""
        self._in_head = False  # a request's first line or headers are arriving
        self._in_body = False
        self._head_size = 0  # bytes of the first line and headers that are complete
        self._received = 0  # bytes since the request began
        self._body_size = 0
        self._running: RequestResponseCycle | None = None  # the request being answered
        self._arrival_timer: asyncio.TimerHandle | None = None
        self._write_timer: asyncio.TimerHandle | None = None

    # asyncio's callbacks

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Admits the connection or answers 503."""
        super().connection_made(transport)
        self.peer = peer_key(self.client)
        if self._table.admit(self):
            self._await_arrival(self._limits.header_timeout)
        else:
            self._refuse(503, "too many connections; try again later")

    def connection_lost(self, exc: Exception | None) -> None:
        """Removes the connection and its timers."""
        self._table.remove(self)
        for timer in (self._arrival_timer, self._write_timer):
            if timer:
                timer.cancel()
        self._disconnect()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parses what arrived, and then checks what is not yet complete."""
        if self.transport.is_closing():
            return
        self._received += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            return
        unparsed = self._received if self._in_head else self._received - self._body_size
        allowance = _FRAMING * self._body_size if self._in_body else 0
        if (self._in_head or self._in_body) and (
            unparsed > self._limits.max_header_size + allowance
        ):
            self._refuse(431, "the request's headers are too large")
        elif self._in_body:
            self._await_arrival(self._limits.request_timeout + _AFTER_REQUEST)
        elif self._in_head or self._is_idle():
            self._await_arrival(self._limits.header_timeout)

    def pause_writing(self) -> None:
        """Gives the client some time to read."""
        super().pause_writing()
        self._abort_later()

    def resume_writing(self) -> None:
        """The client has read."""
        super().resume_writing()
        if self._write_timer:
            self._write_timer.cancel()
            self._write_timer = None

    # the parser's callbacks

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._in_head, self._in_body = True, False
        self._head_size = self._received = self._body_size = 0

    def on_url(self, url: bytes) -> None:
        """A part of the request's first line."""
        self._count_head(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or a trailer after the body."""
        self._count_head(len(name) + len(value))
        if len(self.headers) >= self._limits.max_headers:
            raise HeadersTooLargeError
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The headers are complete; the application is called."""
        self._in_head, self._in_body = False, True
        self._received = 0  # of the body, from the next read on
        self._stop_arrival_timer()
        self._table.begin_request(self)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        self._body_size += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is complete."""
        self._in_body = False
        self._stop_arrival_timer()
        super().on_message_complete()
        if self._is_idle():
            self._table.end_request(self)

    def on_response_complete(self) -> None:
        """The answer is complete; the connection may be idle now."""
        super().on_response_complete()
        if self._is_idle() and not self._in_body:
            self._table.end_request(self)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    # limits

    def _count_head(self, size: int) -> None:
        self._head_size += size
        if self._head_size > self._limits.max_header_size:
            raise HeadersTooLargeError

    def _is_idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _await_arrival(self, seconds: float) -> None:
        """Starts the time limit for what is arriving, unless it runs."""
        if self._arrival_timer is None:
            self._arrival_timer = self.loop.call_later(seconds, self._arrival_is_late, seconds)

    def _stop_arrival_timer(self) -> None:
        if self._arrival_timer:
            self._arrival_timer.cancel()
            self._arrival_timer = None

    def _arrival_is_late(self, seconds: float) -> None:
        self._arrival_timer = None
        if self.flow.read_paused:
            # The client cannot send: the server does not read.
            self._await_arrival(seconds)
        elif self._in_head and self._is_idle():
            self._refuse(408, "the request's headers did not arrive in time")
        elif self._in_body or self._is_idle():
            self._abort()

    def _abort_later(self) -> None:
        if self._write_timer is None:
            seconds = self._limits.write_timeout
            self._write_timer = self.loop.call_later(seconds, self._abort)

    def _abort(self) -> None:
        self._disconnect()
        self.transport.abort()

    def _disconnect(self) -> None:
        """Lets the running request know; uvicorn tells only the latest of pipelined requests."""
        if self._running and not self._running.response_complete:
            self._running.disconnected = True
            self._running.message_event.set()

    def _refuse(self, status: int, message: str) -> None:
        """Answers without the application and closes the connection."""
        if self.cycle and self.cycle.response_started and not self.cycle.response_complete:
            self._abort()
            return
        body = b'{"detail": "%s"}' % message.encode()
        self.transport.write(
            STATUS_LINE[status] + b"content-type: application/json\r\n"
            b"content-length: %d\r\nconnection: close\r\n\r\n%s" % (len(body), body)
        )
        self.transport.close()
        self._abort_later()

    def send_400_response(self, msg: str) -> None:
        """Answers a request that the parser refused."""
        if self._head_size > self._limits.max_header_size or (
            self._in_head and len(self.headers) >= self._limits.max_headers
        ):
            self._refuse(431, "the request's headers are too large or too many")
        else:
            self._refuse(400, "this is no valid HTTP request")

    def close_idle(self) -> None:
        """Closes the connection in favour of a new one."""
        self.transport.close()
        self._abort_later()

    def timeout_keep_alive_handler(self) -> None:
        """Closes the connection, which has had no request for a while."""
        super().timeout_keep_alive_handler()
        self._abort_later()


def protocol_factory(limits: LimitSettings) -> Callable[..., LimitedProtocol]:
    """What makes the protocol of each connection of one server, from uvicorn's arguments."""
    table = ConnectionTable(limits.max_connections, limits.max_connections_per_peer)

    def make(**arguments: Any) -> LimitedProtocol:
        return LimitedProtocol(limits, table, **arguments)

    return make
