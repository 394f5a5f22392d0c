"""Real servers and a Flink cluster for benchmarks, and the main job on it as a process."""

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
    """What runs.

    Attributes:
        kafka: the broker.
        stores: the URLs of MongoDB, MariaDB and Redis.
        cluster: two task managers of one slot, so that each has a Python process of its own.
    """

    kafka: Kafka
    stores: tuple[str, ...]
    cluster: FlinkCluster

    def topic(self, name: str, partitions: int) -> str:
        """Makes a topic; gives its URL."""
        admin = KafkaAdminClient(bootstrap_servers=self.kafka.bootstrap)
        admin.create_topics([NewTopic(name, partitions, 1)])
        admin.close()
        return f"{self.kafka.url}/{name}"

    def producer(self, stack: ExitStack, topic: str) -> IO[bytes]:
        """Starts Kafka's own producer, which takes lines: key, tab, value; it ends with the stack.

        kafka-python's took a tenth of both processors for 3,500 events a second, and a shop's do
        not run on the machine that is measured.
        """
        command = self.kafka.tool(
            "ConsoleProducer", f"--bootstrap-server={self.kafka.bootstrap}", f"--topic={topic}",
            "--property=parse.key=true", "--producer-property=linger.ms=5",
        )  # fmt: skip
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        stack.callback(process.kill)
        return cast(IO[bytes], process.stdin)

    def clear(self) -> None:
        """Empties the stores: what is there already is written more slowly."""
        mongo, mysql, keys = self.stores
        with pymongo.MongoClient[dict[str, object]](mongo) as client:
            client.drop_database(client.get_default_database())
        engine = sa.create_engine(mysql)
        METADATA.drop_all(engine)
        engine.dispose()
        with redis.Redis.from_url(keys) as served:
            served.flushdb()

    def submit(
        self, stack: ExitStack, folder: Path, url: str, *flags: str, parallelism: int = 2,
        module: str = "pipelines.recommend", written: bool = True,
    ) -> subprocess.Popen[bytes]:  # fmt: skip
        """Starts a job from a topic into all stores, or none; its process ends with the stack."""
        outputs = ("record", "popular", "recommendation")
        stores = self.stores if written else ("none",)
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
    """Starts all; all ends with this process.

    Args:
        folder: takes data and logs.
        backend: where Flink keeps state.
    """
    with ProcessReaper(folder) as reaper, ExitStack() as stack:
        kafka = stack.enter_context(Kafka(reaper.folder))
        servers = (Mongo(reaper.folder), MySQL(reaper.folder), Redis(reaper.folder))
        stores = tuple(stack.enter_context(server).url for server in servers)
        settings = ClusterSettings(task_managers=2, slots=1, state_backend=backend)
        cluster = stack.enter_context(FlinkCluster(reaper.folder, settings))
        yield Site(kafka, stores, cluster)
