"""HTTP requests that end after a time, however slowly the other side sends."""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
import urllib.request
from types import TracebackType
from typing import Any, Self


class TimeLimit:
    """Shuts connections down when a time is over, so that nothing waits for them any longer.

    A socket's own timeout begins anew with each byte.

    Args:
        seconds: from the entry of the context on.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.is_over = False
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True

    def watch(self, connection: socket.socket) -> None:
        """Shuts a connection down, too, when the time is over."""
        with self._lock:
            # TLS takes the socket over: a second handle of the same connection stays valid.
            self._sockets.append(connection.dup())
        if self.is_over:
            self._end()

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._timer.cancel()
        with self._lock:
            while self._sockets:
                self._sockets.pop().close()

    def _end(self) -> None:
        self.is_over = True
        with self._lock:
            for connection in self._sockets:
                with contextlib.suppress(OSError):  # The other side has closed it.
                    connection.shutdown(socket.SHUT_RDWR)


class LimitedRequest(urllib.request.Request):
    """A request with its time limit.

    Args:
        url: http:// or https://.
        headers: of the request.
        limit: in whose context it is sent.
    """

    def __init__(self, url: str, headers: dict[str, str], limit: TimeLimit) -> None:
        super().__init__(url, headers=headers)
        self.limit = limit


class _Connection(http.client.HTTPConnection):
    limit: TimeLimit

    def connect(self) -> None:
        super().connect()
        self.limit.watch(self.sock)


class _SecureConnection(http.client.HTTPSConnection, _Connection):
    """HTTPSConnection connects as the class after it does, then begins TLS."""


class _Http(urllib.request.HTTPHandler):
    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_limited(_Connection, req), req)


class _Https(urllib.request.HTTPSHandler):
    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_limited(_SecureConnection, req), req)


def _limited(kind: type[_Connection], request: urllib.request.Request) -> Any:
    assert isinstance(request, LimitedRequest)  # noqa: S101  Only such are opened.
    limit = request.limit

    def connection(host: str, **options: Any) -> _Connection:
        made = kind(host, **options)
        made.limit = limit
        return made

    return connection


def limited_opener(*handlers: urllib.request.BaseHandler | type) -> urllib.request.OpenerDirector:
    """An opener of `LimitedRequest`s.

    Args:
        handlers: others than the usual ones.
    """
    return urllib.request.build_opener(_Http, _Https, *handlers)
