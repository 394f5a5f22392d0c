"""Redis, or Valkey where the distribution has that."""

import socket
from collections.abc import Sequence
from typing import ClassVar

from deploy.server import Server
from rivulet.system.ports import LOOPBACK
from rivulet.system.programs import program

REWRITE_SIZE = "512mb"
"""Of the log, before it is written anew: with Redis's 64 MB that was every half a minute at 3,000
events a second, a second of a processor each time."""


class Redis(Server):
    """A Redis server that logs every write to disk, so that a restart loses nothing."""

    name = "redis"
    roles: ClassVar[dict[str, int]] = {"redis": 6379}
    # Who is served waits for it, and for its one thread.
    niceness: ClassVar[int] = -5

    @property
    def url(self) -> str:
        """Give the address of database 0."""
        return f"redis://{LOOPBACK}:{self.port}/0"

    def install(self) -> None:
        """Take the distribution's Redis."""
        self._program = program("redis-server", ("redis-server",))

    def prepare(self) -> None:
        """Make the folder of the data."""
        (self.home / "db").mkdir(exist_ok=True)

    def command(self) -> Sequence[str]:
        """Run the server."""
        return (
            *(str(self._program), "--bind", LOOPBACK, "--port", str(self.port)),
            *("--dir", str(self.home / "db"), "--save", "", "--appendonly", "yes"),
            *("--auto-aof-rewrite-min-size", REWRITE_SIZE),
            *self.options,
        )

    def ping(self) -> None:
        """Send a ping; a demand for a password is an answer too."""
        with socket.create_connection((LOOPBACK, self.port), timeout=5) as client:
            client.sendall(b"PING\r\n")
            answer = client.recv(200)
        if not answer.startswith((b"+PONG", b"-NOAUTH")):
            raise ConnectionError(answer.decode(errors="replace").strip())
