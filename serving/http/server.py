"""Listening: uvicorn around the app, from bind to the last answer."""

from __future__ import annotations

import asyncio
import socket
from types import FrameType

import uvicorn
from fastapi import FastAPI

from serving.options import Settings

_MOST_AT_ONCE = 1024
_BACKLOG = 1024


class BindError(OSError):
    """The address cannot be listened on."""


class Server(uvicorn.Server):
    """Uvicorn, but that pages' streams end when it is told to stop."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Ends the streams, which would otherwise keep the server for ever."""
        self.config.app.state.services.hub.close()  # type: ignore[union-attr]
        super().handle_exit(sig, frame)


def bind(host: str, port: int) -> socket.socket:
    """A socket on the address.

    Raises:
        BindError: it is taken, or is not ours.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        reason = error.strerror or str(error)
        raise BindError(f"cannot listen on {host}:{port}: {reason}; try another --port") from error
    return bound


def address_of(bound: socket.socket) -> str:
    """The page's address."""
    host, port = bound.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/"


def serve(app: FastAPI, settings: Settings, bound: socket.socket) -> None:
    """Serves until a signal comes."""
    config = uvicorn.Config(
        app,
        host=settings.host,
        loop="uvloop",
        http="httptools",
        ws="none",
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=_MOST_AT_ONCE,
        backlog=_BACKLOG,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=3,
    )
    server = Server(config)
    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(server.serve(sockets=[bound]))
