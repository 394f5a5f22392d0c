"""What the command can bring up, by name; a new server is one file and one line here."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from deploy.flink import ClusterSettings, FlinkCluster
from deploy.server import Server
from deploy.servers.kafka import Kafka
from deploy.servers.mongo import Mongo
from deploy.servers.mysql import MySQL
from deploy.servers.redis import Redis
from pipelines.flink.job_server import build_job_server, job_server_jar
from pipelines.running import prism


@dataclass(frozen=True)
class Row:
    """One line of the tables that the command prints.

    Attributes:
        name: The process or tool.
        state: `running`, `stopped`, `built` or `not built`.
        address: A URL for a server, a path for a tool, empty where there is none.
        pid: The process id, None where none runs.
        log: The process's log, None where it has none.
    """

    name: str
    state: str
    address: str = ""
    pid: int | None = None
    log: Path | None = None


class Part(Protocol):
    """Something with a name that can be brought up and taken down."""

    def up(self) -> None:
        """Install and start it; nothing happens if it runs."""

    def down(self) -> bool:
        """Stop it; False if it did not run."""

    def rows(self) -> Sequence[Row]:
        """Tell how it is."""


@dataclass(frozen=True)
class Settings:
    """What the command line says about the parts.

    Attributes:
        data: The data folder.
        ports: The wanted port of each part; those left out are automatic.
        cluster: The Flink cluster's.
    """

    data: Path
    ports: dict[str, int]
    cluster: ClusterSettings = field(default_factory=ClusterSettings)


@dataclass(frozen=True)
class ServerPart:
    """A part that is one server process."""

    server: Server

    def up(self) -> None:
        """Start the server."""
        self.server.start()

    def down(self) -> bool:
        """Stop the server."""
        ran = self.server.process is not None
        self.server.stop()
        return ran

    def rows(self) -> Sequence[Row]:
        """Give the server's line."""
        return [_row(self.server)]


def _row(server: Server) -> Row:
    process = server.process
    if process is None:
        return Row(server.name, "stopped")
    return Row(server.name, "running", server.url, process.pid, server.log)


@dataclass(frozen=True)
class FlinkPart:
    """The standalone Flink cluster, with the job server's jar that submits to it."""

    cluster: FlinkCluster

    def up(self) -> None:
        """Build the job server and start the cluster."""
        build_job_server()
        self.cluster.start()

    def down(self) -> bool:
        """Stop all of the cluster's processes."""
        ran = any(server.process is not None for server in self.cluster.servers)
        self.cluster.stop()
        return ran

    def rows(self) -> Sequence[Row]:
        """Give a line for each process."""
        return [_row(server) for server in self.cluster.servers]


@dataclass(frozen=True)
class ToolPart:
    """A part that is built once and has no process."""

    name: str
    build: Callable[[], Path]
    find: Callable[[], Path | None]

    def up(self) -> None:
        """Build it."""
        self.build()

    def down(self) -> bool:
        """Nothing runs."""
        return False

    def rows(self) -> Sequence[Row]:
        """Tell where it is."""
        found = self.find()
        return [Row(self.name, "built" if found else "not built", str(found or ""))]


def _server(kind: type[Server]) -> Callable[[Settings], Part]:
    def make(settings: Settings) -> Part:
        port = settings.ports.get(kind.name, 0)
        return ServerPart(kind(settings.data, port=port, usual_port=True))

    return make


STORES: tuple[type[Server], ...] = (Kafka, Mongo, MySQL, Redis)
PARTS: dict[str, Callable[[Settings], Part]] = {
    **{kind.name: _server(kind) for kind in STORES},
    "flink": lambda settings: FlinkPart(
        FlinkCluster(
            settings.data,
            settings.cluster,
            port=settings.ports.get("flink", 0),
            usual_ports=True,
        )
    ),
    "flink-job-server": lambda settings: ToolPart(
        "flink-job-server", build_job_server, job_server_jar
    ),
    "prism": lambda settings: ToolPart("prism", prism.build, prism.binary),
}
# What `up` starts when nothing is named.
USUAL = tuple(kind.name for kind in STORES)
