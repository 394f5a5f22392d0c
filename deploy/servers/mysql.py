"""MariaDB, which implements MySQL's protocol."""

import getpass
from collections.abc import Sequence
from typing import ClassVar

from deploy.server import Server
from rivulet.system.ports import LOOPBACK
from rivulet.system.programs import program, run

# The core packages have the programs without a service that starts by itself.
PACKAGES = (("mariadb-server-core", "mariadb-client-core"), ("mariadb-server",))


class MySQL(Server):
    """A MariaDB server whose user `root` has no password, on loopback only."""

    name = "mysql"
    roles: ClassVar[dict[str, int]] = {"mysqld": 3306}
    # An archival store: no request waits for it.
    niceness: ClassVar[int] = 5

    @property
    def url(self) -> str:
        """SQLAlchemy's address with the database `rivulet`."""
        return f"mysql+pymysql://root@{LOOPBACK}:{self.port}/rivulet"

    def install(self) -> None:
        """Installs the distribution's MariaDB."""
        self._server = program("mariadbd", *PACKAGES)
        self._installer = program("mariadb-install-db", *PACKAGES)
        program("my_print_defaults", *PACKAGES)

    def prepare(self) -> None:
        """Creates the system tables, once."""
        folder = self.home / "db"
        done = self.home / "installed"
        if not done.exists():
            run(
                (
                    *(str(self._installer), "--no-defaults", f"--datadir={folder}"),
                    *(f"--user={getpass.getuser()}", "--skip-test-db"),
                    "--auth-root-authentication-method=normal",
                ),
                "Making MariaDB's system tables",
            )
            done.touch()

    def command(self) -> Sequence[str]:
        """The server's command line."""
        return (
            *(str(self._server), "--no-defaults", f"--datadir={self.home / 'db'}"),
            *(f"--user={getpass.getuser()}", f"--bind-address={LOOPBACK}", f"--port={self.port}"),
            f"--socket={self.home / 'mysqld.sock'}",
            f"--pid-file={self.home / 'mysqld.pid'}",
            *("--skip-name-resolve", "--skip-log-bin", "--character-set-server=utf8mb4"),
            *self.options,
        )

    def ping(self) -> None:
        """Creates the database if it is missing."""
        import pymysql

        with (
            pymysql.connect(host=LOOPBACK, port=self.port, user="root") as client,
            client.cursor() as cursor,
        ):
            cursor.execute("CREATE DATABASE IF NOT EXISTS rivulet CHARACTER SET utf8mb4")
