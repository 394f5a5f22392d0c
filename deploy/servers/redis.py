"""Redis, or Valkey in distributions that have it instead."""

import socket
from collections.abc import Sequence
from typing import ClassVar

from deploy.server import Server
from rivulet.system.ports import LOOPBACK
from rivulet.system.programs import program

REWRITE_SIZE = "512mb"
"""Size of the append-only file at which it is rewritten. With Redis's default of 64 MB a rewrite,
which takes a CPU second, runs every 30 s at 3,000 events a second."""


class Redis(Server):
    """A Redis server with an append-only file, so that a restart loses no write."""

    name = "redis"
    roles: ClassVar[dict[str, int]] = {"redis": 6379}
    # Requests wait for it, and it has one thread.
    niceness: ClassVar[int] = -5

    @property
    def url(self) -> str:
        """The address of database 0."""
        return f"redis://{LOOPBACK}:{self.port}/0"

    def install(self) -> None:
        """Installs the distribution's Redis."""
        self._program = program("redis-server", ("redis-server",))

    def prepare(self) -> None:
        """Creates the data folder."""
        (self.home / "db").mkdir(exist_ok=True)

    def command(self) -> Sequence[str]:
        """The server's command line."""
        return (
            *(str(self._program), "--bind", LOOPBACK, "--port", str(self.port)),
            *("--dir", str(self.home / "db"), "--save", "", "--appendonly", "yes"),
            *("--auto-aof-rewrite-min-size", REWRITE_SIZE),
            *self.options,
        )

    def ping(self) -> None:
        """Sends a ping; a request for a password counts as an answer."""
        with socket.create_connection((LOOPBACK, self.port), timeout=5) as client:
            client.sendall(b"PING\r\n")
            answer = client.recv(200)
        if not answer.startswith((b"+PONG", b"-NOAUTH")):
            raise ConnectionError(answer.decode(errors="replace").strip())
