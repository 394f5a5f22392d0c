"""A single ZooKeeper server, in which Flink's high availability stores job metadata."""

import socket
from collections.abc import Sequence
from typing import ClassVar

from deploy.flink.distribution import install
from deploy.server import Server
from rivulet.system.ports import LOOPBACK
from rivulet.system.programs import java

# Flink's distribution includes a ZooKeeper server.
MAIN = "org.apache.flink.shaded.zookeeper3.org.apache.zookeeper.server.ZooKeeperServerMain"
PROPERTIES = """\
dataDir={home}/db
clientPort={port}
clientPortAddress={host}
admin.enableServer=false
4lw.commands.whitelist=ruok
maxClientCnxns=0
tickTime=1000
"""


class ZooKeeper(Server):
    """The ZooKeeper of Flink's distribution."""

    name = "flink-zookeeper"
    roles: ClassVar[dict[str, int]] = {"client": 2181}

    @property
    def url(self) -> str:
        """Host and port, the value of `high-availability.zookeeper.quorum`."""
        return f"{LOOPBACK}:{self.port}"

    def install(self) -> None:
        """Downloads Flink from PyPI."""
        self._lib = install()

    def prepare(self) -> None:
        """Writes the configuration."""
        text = PROPERTIES.format(home=self.home, port=self.port, host=LOOPBACK)
        (self.home / "zoo.cfg").write_text(text, encoding="utf-8")

    def command(self) -> Sequence[str]:
        """ZooKeeper's command line."""
        jars = ":".join(str(jar) for jar in self._lib.glob("*.jar"))
        return (str(java()), "-Xmx128m", "-cp", jars, MAIN, str(self.home / "zoo.cfg"))

    def ping(self) -> None:
        """Sends `ruok`."""
        with socket.create_connection((LOOPBACK, self.port), timeout=5) as client:
            client.sendall(b"ruok")
            if client.recv(10) != b"imok":
                raise ConnectionError("ZooKeeper does not answer `ruok` with `imok`")
