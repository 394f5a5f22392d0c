"""Servers and a Flink cluster for benchmarks, and jobs on the cluster as processes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

import pymongo
import redis
import sqlalchemy as sa
from kafka import KafkaAdminClient
from kafka.admin import NewTopic

from deploy.flink import ClusterSettings, FlinkCluster
from deploy.process_reaper import ProcessReaper
from deploy.servers.kafka import Kafka
from deploy.servers.mongo import Mongo
from deploy.servers.mysql import MySQL
from deploy.servers.redis import Redis
from sinks.sql.schema import METADATA

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Site:
    """The running servers.

    Attributes:
        kafka: the broker.
        stores: the URLs of MongoDB, MariaDB and Redis.
        cluster: two task managers with one slot and one Python worker each.
    """

    kafka: Kafka
    stores: tuple[str, ...]
    cluster: FlinkCluster

    def topic(self, name: str, partitions: int) -> str:
        """Creates a topic.

        Returns:
            Its URL.
        """
        admin = KafkaAdminClient(bootstrap_servers=self.kafka.bootstrap)
        admin.create_topics([NewTopic(name, partitions, 1)])
        admin.close()
        return f"{self.kafka.url}/{name}"

    def producer(self, stack: ExitStack, topic: str) -> IO[bytes]:
        """Starts Kafka's console producer, which reads lines of key, tab and value.

        A producer in Python would take 20% of a core at 3,500 events a second, from the CPU time
        that is measured.

        Args:
            stack: ends the process.
            topic: the topic's name.

        Returns:
            The producer's standard input.
        """
        command = self.kafka.tool(
            "ConsoleProducer", f"--bootstrap-server={self.kafka.bootstrap}", f"--topic={topic}",
            "--property=parse.key=true", "--producer-property=linger.ms=5",
        )  # fmt: skip
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        stack.callback(process.kill)
        return cast(IO[bytes], process.stdin)

    def clear(self) -> None:
        """Empties the stores, because rows that exist are slower to write."""
        mongo, mysql, keys = self.stores
        with pymongo.MongoClient[dict[str, object]](mongo) as client:
            client.drop_database(client.get_default_database())
        engine = sa.create_engine(mysql)
        METADATA.drop_all(engine)
        engine.dispose()
        with redis.Redis.from_url(keys) as client:
            client.flushdb()

    def submit(
        self, stack: ExitStack, folder: Path, url: str, *flags: str, parallelism: int = 2,
        module: str = "pipelines.recommend", with_stores: bool = True,
    ) -> subprocess.Popen[bytes]:  # fmt: skip
        """Starts a job that reads a topic and writes to all stores, or to none.

        Args:
            stack: ends the process.
            folder: folder of the dead letters and of the job's output.
            url: the topic.
            flags: further options of the job.
            parallelism: number of slots.
            module: the job's module.
            with_stores: whether the job writes to the stores.
        """
        outputs = ("record", "popular", "recommendation")
        stores = self.stores if with_stores else ("none",)
        sinks = [f"--{output}_sink={store}" for output in outputs for store in stores]
        command = (
            *(sys.executable, "-W", "ignore", "-m", module, f"--input={url}", *sinks),
            *self.cluster.options(parallelism),
            *(f"--dead_letters={folder / 'dead.jsonl'}", *flags),
        )
        out = stack.enter_context((folder / "job.txt").open("ab"))
        job = subprocess.Popen(
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        stack.callback(job.kill)
        return job


@contextmanager
def site(folder: Path, backend: str = "rocksdb") -> Iterator[Site]:
    """Starts all servers; they end with this process.

    Args:
        folder: folder of data and logs.
        backend: Flink's state backend.
    """
    with ProcessReaper(folder) as reaper, ExitStack() as stack:
        kafka = stack.enter_context(Kafka(reaper.folder))
        servers = (Mongo(reaper.folder), MySQL(reaper.folder), Redis(reaper.folder))
        stores = tuple(stack.enter_context(server).url for server in servers)
        settings = ClusterSettings(task_managers=2, slots=1, state_backend=backend)
        cluster = stack.enter_context(FlinkCluster(reaper.folder, settings))
        yield Site(kafka, stores, cluster)
