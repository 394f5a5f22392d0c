"""The settings of a standalone Flink cluster."""

from dataclasses import dataclass

from rivulet.settings import option

BACKENDS = ("rocksdb", "hashmap")


@dataclass(frozen=True)
class ClusterSettings:
    """Flink cluster, for `up flink`.

    Attributes:
        task_managers: number of task managers.
        slots: slots of each task manager, which is the parallelism that it adds.
        state_backend: rocksdb keeps state on disk with incremental checkpoints, hashmap in memory.
        task_heap: Java memory of each task manager for the job, in MiB; with hashmap the state is
            part of it.
        high_availability: store job metadata in a ZooKeeper, so that jobs resume from their last
            checkpoint after the job manager was lost.
    """

    task_managers: int = option(2, "N", least=1)
    slots: int = option(2, "N", least=1)
    state_backend: str = option("rocksdb", choices=BACKENDS)
    task_heap: int = option(512, "MIB", least=1)
    high_availability: bool = option(False)
