"""PostgreSQL. It does not run as root: for root it runs as the user that its package creates."""

import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from typing import ClassVar

from deploy.server import Server
from rivulet.system.ports import LOOPBACK
from rivulet.system.programs import ProgramError, program, run

PACKAGES = (("postgresql",),)
USER = "postgres"
"""The user of the distribution's package, and the name of the database's superuser."""


class Postgres(Server):
    """A PostgreSQL server whose superuser `postgres` has no password, on loopback only."""

    name = "postgres"
    roles: ClassVar[dict[str, int]] = {"postgres": 5432}
    # An archival store: no request waits for it.
    niceness: ClassVar[int] = 5
    # SIGTERM would wait until all clients have closed their connections.
    stop_signal: ClassVar[signal.Signals] = signal.SIGINT

    @property
    def url(self) -> str:
        """SQLAlchemy's address with the database `rivulet`."""
        return f"postgresql+psycopg://{USER}@{LOOPBACK}:{self.port}/rivulet"

    def install(self) -> None:
        """Installs the distribution's PostgreSQL."""
        self._server = program("postgres", *PACKAGES)
        self._installer = program("initdb", *PACKAGES)

    def prepare(self) -> None:
        """Creates the system tables, once.

        Raises:
            ProgramError: root starts the server, and its user cannot reach the data folder.
        """
        folder = self.home / "db"
        done = self.home / "installed"
        if not done.exists():
            # An attempt that was interrupted leaves a folder that initdb refuses.
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(mode=0o700)
            if os.geteuid() == 0:
                shutil.chown(folder, USER)
        reach = (*_as_user(), "test", "-x", str(folder))
        if subprocess.run(reach, check=False).returncode:
            raise ProgramError(
                f"PostgreSQL does not run as root, and its user `{USER}` cannot reach {self.home}: "
                "choose a folder that all users can reach (--data DIR), or run this as another user"
            )
        if not done.exists():
            run(
                (
                    *(*_as_user(), str(self._installer), f"--pgdata={folder}"),
                    *(f"--username={USER}", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8"),
                ),
                "Making PostgreSQL's system tables",
            )
            done.touch()

    def command(self) -> Sequence[str]:
        """The server's command line."""
        return (
            *(*_as_user(), str(self._server), "-D", str(self.home / "db")),
            *("-c", f"listen_addresses={LOOPBACK}", "-c", f"port={self.port}"),
            # No socket in a folder that all users share.
            *("-c", "unix_socket_directories="),
            *self.options,
        )

    def ping(self) -> None:
        """Creates the database if it is missing."""
        import psycopg

        with psycopg.connect(
            host=LOOPBACK, port=self.port, user=USER, dbname=USER, autocommit=True
        ) as client:
            found = client.execute("SELECT 1 FROM pg_database WHERE datname = 'rivulet'").fetchone()
            if found is None:
                client.execute("CREATE DATABASE rivulet")


def _as_user() -> tuple[str, ...]:
    """What runs a command as the server's user; empty where this is not root."""
    if os.geteuid() != 0:
        return ()
    return ("setpriv", f"--reuid={USER}", f"--regid={USER}", "--init-groups", "--")
