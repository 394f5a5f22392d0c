"""What `python -m deploy` starts, by name.

A further server is a subclass of `deploy.server.Server` and an entry in `SERVERS`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from deploy.flink import ClusterSettings, FlinkCluster
from deploy.server import Server
from deploy.servers.kafka import Kafka
from deploy.servers.mongo import Mongo
from deploy.servers.mysql import MySQL
from deploy.servers.postgres import Postgres
from deploy.servers.redis import Redis
from pipelines.flink.job_server import build_job_server, job_server_jar
from pipelines.running import prism


@dataclass(frozen=True)
class Row:
    """One line of the status table.

    Attributes:
        name: the process or tool.
        state: `running`, `stopped`, `built` or `not built`.
        address: a server's URL, or a tool's path; empty where there is none.
        pid: the process id; None where no process runs.
        log: the process's log; None where there is none.
    """

    name: str
    state: str
    address: str = ""
    pid: int | None = None
    log: Path | None = None


class Component(Protocol):
    """A server, a cluster or a tool that the command starts and stops."""

    def up(self) -> None:
        """Installs and starts it; does nothing if it runs."""

    def down(self) -> bool:
        """Stops it.

        Returns:
            False if it did not run.
        """

    def rows(self) -> Sequence[Row]:
        """Its lines in the status table."""


@dataclass(frozen=True)
class ComponentSettings:
    """The settings of all components.

    Attributes:
        data: the data folder.
        ports: the requested port by component; the other ports are chosen automatically.
        cluster: the Flink cluster's settings.
    """

    data: Path
    ports: dict[str, int]
    cluster: ClusterSettings


@dataclass(frozen=True)
class ServerComponent:
    """One server process."""

    server: Server

    def up(self) -> None:
        """Starts the server."""
        self.server.start()

    def down(self) -> bool:
        """Stops the server."""
        ran = self.server.process is not None
        self.server.stop()
        return ran

    def rows(self) -> Sequence[Row]:
        """The server's line."""
        return [_row(self.server)]


def _row(server: Server) -> Row:
    process = server.process
    if process is None:
        return Row(server.name, "stopped")
    return Row(server.name, "running", server.url, process.pid, server.log)


@dataclass(frozen=True)
class FlinkComponent:
    """The standalone Flink cluster, and the job server's jar that submits jobs to it."""

    cluster: FlinkCluster

    def up(self) -> None:
        """Builds the job server and starts the cluster."""
        build_job_server()
        self.cluster.start()

    def down(self) -> bool:
        """Stops all processes of the cluster."""
        ran = any(server.process is not None for server in self.cluster.servers)
        self.cluster.stop()
        return ran

    def rows(self) -> Sequence[Row]:
        """A line for each process."""
        return [_row(server) for server in self.cluster.servers]


@dataclass(frozen=True)
class ToolComponent:
    """A program that is built once and has no process.

    Attributes:
        name: the program's name.
        build: builds it and returns its path.
        find: its path, or None where it is not built.
    """

    name: str
    build: Callable[[], Path]
    find: Callable[[], Path | None]

    def up(self) -> None:
        """Builds it."""
        self.build()

    def down(self) -> bool:
        """Does nothing: there is no process."""
        return False

    def rows(self) -> Sequence[Row]:
        """Its line, with its path."""
        found = self.find()
        return [Row(self.name, "built" if found else "not built", str(found or ""))]


def _server(kind: type[Server]) -> Callable[[ComponentSettings], Component]:
    def make(settings: ComponentSettings) -> Component:
        port = settings.ports.get(kind.name, 0)
        return ServerComponent(kind(settings.data, port=port, usual_port=True))

    return make


SERVERS: tuple[type[Server], ...] = (Kafka, Mongo, MySQL, Postgres, Redis)
DEFAULT_NAMES = tuple(kind.name for kind in SERVERS)
"""What `up` starts where no name is given."""
COMPONENTS: dict[str, Callable[[ComponentSettings], Component]] = {
    **{kind.name: _server(kind) for kind in SERVERS},
    "flink": lambda settings: FlinkComponent(
        FlinkCluster(
            settings.data,
            settings.cluster,
            port=settings.ports.get("flink", 0),
            usual_ports=True,
        )
    ),
    "flink-job-server": lambda settings: ToolComponent(
        "flink-job-server", build_job_server, job_server_jar
    ),
    "prism": lambda settings: ToolComponent("prism", prism.build, prism.binary),
}
