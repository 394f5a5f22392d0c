"""A task manager: runs the parts of jobs, and asks the worker pool for Python processes."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

from deploy.flink.distribution import ClusterSettings, configure, install, java_command
from deploy.flink.jobmanager import JobManager
from deploy.server import Server
from pipelines.flink import rest

MAIN = "org.apache.flink.runtime.taskexecutor.TaskManagerRunner"
FRAMEWORK_MB, OFF_HEAP_MB, NETWORK_MB, MANAGED_MB, METASPACE_MB = 128, 128, 128, 256, 1024
OVERHEAD_MB = 192


class TaskManager(Server):
    """One task manager of a cluster.

    Args:
        manager: The job manager, which must have been started once.
        number: Which of the cluster's, from 1.
        settings: The cluster's.
        more: Gives further settings of Flink, asked for at each start.
    """

    roles: ClassVar[dict[str, int]] = {}

    def __init__(
        self,
        manager: JobManager,
        number: int,
        settings: ClusterSettings,
        more: Callable[[], Mapping[str, object]],
    ) -> None:
        self.name = f"flink-taskmanager-{number}"
        super().__init__(manager.data)
        self._manager = manager
        self._settings = settings
        self._more = more
        self._identity = self.home / "resource-id"

    @property
    def url(self) -> str:
        """Give its page on the job manager's web page."""
        return f"{self._manager.url}/#/task-manager/{self.resource_id}/metrics"

    @property
    def resource_id(self) -> str:
        """Give the name under which the job manager knows the running process."""
        return self._identity.read_text(encoding="utf-8")

    def install(self) -> None:
        """Get Flink from PyPI."""
        self._lib = install()

    def prepare(self) -> None:
        """Write the configuration, and choose a name that no earlier process had."""
        self._identity.write_text(f"{self.name}-{uuid.uuid4().hex[:8]}", encoding="utf-8")
        heap, off_heap = self._settings.heap_mb, OFF_HEAP_MB
        configure(
            self.home,
            self.data / "flink",
            self._settings,
            {
                "jobmanager.rpc.port": self._manager.ports["rpc"],
                "taskmanager.resource-id": self.resource_id,
                "taskmanager.cpu.cores": self._settings.slots,
                "taskmanager.memory.task.heap.size": f"{heap}m",
                "taskmanager.memory.task.off-heap.size": "0m",
                "taskmanager.memory.framework.heap.size": f"{FRAMEWORK_MB}m",
                "taskmanager.memory.framework.off-heap.size": f"{off_heap}m",
                "taskmanager.memory.network.min": f"{NETWORK_MB}m",
                "taskmanager.memory.network.max": f"{NETWORK_MB}m",
                "taskmanager.memory.managed.size": f"{MANAGED_MB}m",
                "taskmanager.memory.jvm-metaspace.size": f"{METASPACE_MB}m",
                "taskmanager.memory.jvm-overhead.min": f"{OVERHEAD_MB}m",
                "taskmanager.memory.jvm-overhead.max": f"{OVERHEAD_MB}m",
                **self._more(),
            },
        )

    def command(self) -> Sequence[str]:
        """Run the task manager, with Java's limits as the configuration has them."""
        memory = (
            f"-Xmx{FRAMEWORK_MB + self._settings.heap_mb}m",
            f"-XX:MaxDirectMemorySize={OFF_HEAP_MB + NETWORK_MB}m",
            f"-XX:MaxMetaspaceSize={METASPACE_MB}m",
            # Beside Python processes: G1 has threads of its own at work all the time.
            "-XX:+UseParallelGC",
        )
        start = java_command(self._lib, self.home, self.log, MAIN, memory)
        return (*start, "--configDir", str(self.home))

    def ping(self) -> None:
        """Ask the job manager whether it has come."""
        known = rest.get(self._manager.url, "/taskmanagers")["taskmanagers"]
        if self.resource_id not in {each["id"] for each in known}:
            raise ConnectionError("the job manager does not know it yet")
