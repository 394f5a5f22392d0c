"""A standalone Flink cluster on loopback with its Python workers."""

import re
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from deploy.flink.jobmanager import JobManager
from deploy.flink.settings import ClusterSettings
from deploy.flink.taskmanager import TaskManager
from deploy.flink.workers import WorkerPool
from deploy.flink.zookeeper import ZooKeeper
from deploy.server import Server
from pipelines.flink import rest
from pipelines.flink.job_server.build import build_job_server
from rivulet.system.programs import ProgramError

POLL_S = 0.1
SLOTS_S = 240.0


class FlinkCluster:
    """Job manager, task managers and worker pool; each can be stopped, killed and started alone.

    As a context manager it starts on entry and stops on exit.

    Args:
        data: the data folder; checkpoints and savepoints are in `data/flink`.
        settings: the cluster's settings; `stop` also stops further task managers of an earlier
            start.
        more: further options of Flink, like `{"state.backend.local-recovery": True}`.
        port: the port of the web page and the REST interface; 0 for any.
        usual_ports: try the well-known ports before any free ports.

    Attributes:
        zookeeper: stores job metadata; None without high availability.
        job_manager: the job manager.
        task_managers: the task managers.
        worker_pool: starts the Python workers.
    """

    def __init__(
        self,
        data: Path,
        settings: ClusterSettings | None = None,
        more: dict[str, object] | None = None,
        port: int = 0,
        usual_ports: bool = False,
    ) -> None:
        self.data = data.resolve()
        self.settings = settings or ClusterSettings()
        self._more = more or {}
        self.zookeeper = (
            ZooKeeper(data, usual_port=usual_ports)
            if self.settings.high_availability or (self.data / ZooKeeper.name).exists()
            else None
        )
        self.worker_pool = WorkerPool(data, usual_port=usual_ports)
        self.job_manager = JobManager(data, self.settings, self._flink, port, usual_ports)
        known = max((_number(path) for path in self.data.glob("flink-taskmanager-*")), default=0)
        self.task_managers = [
            TaskManager(self.job_manager, number, self.settings, self._flink)
            for number in range(1, max(known, self.settings.task_managers) + 1)
        ]

    @property
    def url(self) -> str:
        """The web page's address, which is also the value for `--flink_master`."""
        return self.job_manager.url

    @property
    def checkpoints(self) -> Path:
        """The folder of all checkpoints, `<job id>/chk-<number>`."""
        return self.data / "flink" / "checkpoints"

    @property
    def savepoints(self) -> Path:
        """The folder of all savepoints."""
        return self.data / "flink" / "savepoints"

    @property
    def servers(self) -> list[Server]:
        """All servers, in the order in which they start."""
        first: list[Server] = [self.zookeeper] if self.zookeeper else []
        return [*first, self.worker_pool, self.job_manager, *self.task_managers]

    def options(self, parallelism: int = 1) -> list[str]:
        """The pipeline options that run a job on this cluster, with Python processes of its own.

        Args:
            parallelism: number of slots of the job; each slot has a Python process.
        """
        return [
            "--runner=FlinkRunner",
            f"--flink_master={self.url}",
            f"--flink_job_server_jar={build_job_server()}",
            "--environment_type=EXTERNAL",
            f"--environment_config={self.worker_pool.url}",
            f"--parallelism={parallelism}",
            f"--sdk_worker_parallelism={self.settings.slots}",
        ]

    def start(self) -> Self:
        """Starts the servers that do not run, and waits until all slots are available.

        Raises:
            ProgramError: a server cannot be installed or does not start.
        """
        self.job_manager.install()  # once, before the servers start concurrently
        if self.zookeeper is not None:
            self.zookeeper.start()
        wanted = self.task_managers[: self.settings.task_managers]
        with ThreadPoolExecutor(len(wanted) + 1) as pool:
            workers = pool.submit(self.worker_pool.start)
            self.job_manager.start()
            list(pool.map(lambda each: each.start(), wanted))
            workers.result()
        self._await_slots(len(wanted) * self.settings.slots)
        return self

    def stop(self) -> None:
        """Stops all servers; checkpoints and savepoints are kept."""
        with ThreadPoolExecutor(len(self.servers)) as pool:
            list(pool.map(lambda server: server.stop(), reversed(self.servers)))

    def rest(self, path: str) -> dict[str, Any]:
        """The answer of the job manager's REST interface.

        Args:
            path: the resource, like `/jobs/overview`.
        """
        return rest.get(self.url, path)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _flink(self) -> dict[str, object]:
        """Further options of Flink, which are known when ZooKeeper has its port."""
        if self.zookeeper is None:
            return self._more
        return {
            "high-availability.type": "zookeeper",
            "high-availability.zookeeper.quorum": self.zookeeper.url,
            "high-availability.storageDir": (self.data / "flink" / "ha").as_uri(),
            # With high availability, Flink would choose another RPC port at each start.
            "high-availability.jobmanager.port": self.job_manager.ports["rpc"],
            **self._more,
        }

    def _await_slots(self, slots: int) -> None:
        end = time.monotonic() + SLOTS_S
        while time.monotonic() < end:
            if self.rest("/overview")["slots-total"] >= slots:
                return
            time.sleep(POLL_S)
        raise ProgramError(f"Flink has fewer than {slots} slots after {SLOTS_S:.0f} s")


def _number(path: Path) -> int:
    found = re.search(r"-(\d+)$", path.name)
    return int(found[1]) if found else 0
