"""The server: a listening socket, and uvicorn around the application."""

from __future__ import annotations

import asyncio
import socket
from types import FrameType
from typing import Any, cast

import uvicorn
from fastapi import FastAPI

from serving.http.protocol import protocol_factory
from serving.options import LimitSettings, ServingSettings

_BACKLOG = 1024
_GRACE_SECONDS = 3


class BindError(OSError):
    """The address cannot be listened on."""


class Server(uvicorn.Server):
    """A uvicorn server that ends the streams of events when it stops."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Ends the streams, which would otherwise keep the server from stopping."""
        self.config.app.state.services.broadcaster.close()  # type: ignore[union-attr]
        super().handle_exit(sig, frame)


def bind(host: str, port: int) -> socket.socket:
    """A socket that listens on the address: who connects before the server runs is answered then.

    Raises:
        BindError: the address is in use or is not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        reason = error.strerror or str(error)
        raise BindError(f"cannot listen on {host}:{port}: {reason}; try another --port") from error
    return listener


def address_of(listener: socket.socket) -> str:
    """The page's address."""
    host, port = listener.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/"


def serve(
    app: FastAPI, settings: ServingSettings, limits: LimitSettings, listener: socket.socket
) -> None:
    """Serves until a signal comes."""
    config = uvicorn.Config(
        app,
        host=settings.host,
        loop="uvloop",
        # Uvicorn calls it as the class that its type says.
        http=cast(Any, protocol_factory(limits)),
        ws="none",
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=_BACKLOG,
        # Uvicorn's type says int; it hands the number to call_later.
        timeout_keep_alive=cast(int, limits.keep_alive),
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    server = Server(config)
    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(server.serve(sockets=[listener]))
