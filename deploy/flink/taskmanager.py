"""A task manager, which runs the tasks of jobs and requests Python workers from the pool."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

from deploy.flink.distribution import configure, install, java_command
from deploy.flink.jobmanager import JobManager
from deploy.flink.settings import ClusterSettings
from deploy.server import Server
from pipelines.flink import rest

MAIN = "org.apache.flink.runtime.taskexecutor.TaskManagerRunner"
FRAMEWORK_MB, OFF_HEAP_MB, NETWORK_MB, MANAGED_MB, METASPACE_MB = 128, 128, 128, 256, 1024
OVERHEAD_MB = 192


class TaskManager(Server):
    """One task manager of a cluster.

    Args:
        manager: the job manager, which must have been started once.
        number: the task manager's number, from 1.
        settings: the cluster's settings.
        more: returns further options of Flink; called at each start.
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
        """Its page on the job manager's web page."""
        return f"{self._manager.url}/#/task-manager/{self.resource_id}/metrics"

    @property
    def resource_id(self) -> str:
        """The running process's id in the job manager."""
        return self._identity.read_text(encoding="utf-8")

    def install(self) -> None:
        """Downloads Flink from PyPI."""
        self._lib = install()

    def prepare(self) -> None:
        """Writes the configuration, with a resource id that no earlier process had."""
        self._identity.write_text(f"{self.name}-{uuid.uuid4().hex[:8]}", encoding="utf-8")
        heap, off_heap = self._settings.task_heap, OFF_HEAP_MB
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
        """The task manager's command line; Java's memory limits are those of the configuration."""
        memory = (
            f"-Xmx{FRAMEWORK_MB + self._settings.task_heap}m",
            f"-XX:MaxDirectMemorySize={OFF_HEAP_MB + NETWORK_MB}m",
            f"-XX:MaxMetaspaceSize={METASPACE_MB}m",
            # G1's concurrent threads would compete with the Python workers.
            "-XX:+UseParallelGC",
        )
        start = java_command(self._lib, self.home, self.log, MAIN, memory)
        return (*start, "--configDir", str(self.home))

    def ping(self) -> None:
        """Checks that the job manager has registered it."""
        known = rest.get(self._manager.url, "/taskmanagers")["taskmanagers"]
        if self.resource_id not in {each["id"] for each in known}:
            raise ConnectionError("the job manager has not registered it yet")
