"""Servers and a Flink cluster for crashes; they are emptied between runs."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pymongo
import sqlalchemy as sa

from deploy.flink import ClusterSettings, FlinkCluster
from deploy.process_reaper import ProcessReaper
from deploy.servers.kafka import Kafka
from deploy.servers.mongo import Mongo
from deploy.servers.mysql import MySQL
from deploy.servers.postgres import Postgres
from deploy.servers.redis import Redis
from tests.pipelines.stores import Stores

TABLES = ("record", "top", "recommendation", "policy_minute")


@dataclass(frozen=True)
class Site:
    kafka: Kafka
    stores: Stores
    cluster: FlinkCluster

    def rows(self) -> dict[str, int]:
        """The number of rows of each table in MySQL."""
        engine = sa.create_engine(self.stores.mysql)
        try:
            with engine.connect() as connection:
                there = set(sa.inspect(connection).get_table_names())
                return {
                    table: connection.exec_driver_sql(
                        f"SELECT COUNT(*) FROM {table}"  # noqa: S608
                    ).scalar_one()
                    for table in TABLES
                    if table in there
                }
        finally:
            engine.dispose()

    def inserts(self) -> int:
        """The number of inserts that MongoDB has received since its start."""
        with pymongo.MongoClient(self.stores.mongo) as client:
            return int(client.admin.command("serverStatus")["opcounters"]["insert"])

    def inserted(self) -> int:
        """The number of documents in MongoDB."""
        with pymongo.MongoClient(self.stores.mongo) as client:
            database = client.get_default_database()
            return sum(
                database[name].count_documents({}) for name in ("records", "recommendResults")
            )

    def clear(self) -> None:
        """Cancels all jobs and empties the stores."""
        from pipelines.flink import rest

        for job in self.cluster.rest("/jobs/overview")["jobs"]:
            if job["state"] not in ("FINISHED", "CANCELED", "FAILED"):
                rest.patch(self.cluster.url, f"/jobs/{job['jid']}?mode=cancel")
        while any(
            job["state"] not in ("FINISHED", "CANCELED", "FAILED")
            for job in self.cluster.rest("/jobs/overview")["jobs"]
        ):
            time.sleep(0.2)
        shutil.rmtree(self.cluster.checkpoints)
        self.cluster.checkpoints.mkdir()
        self.stores.make()


@contextmanager
def site(folder: Path, slots: int = 1) -> Iterator[Site]:
    """Starts two task managers, a broker and four stores, which end with this process."""
    with ProcessReaper(folder) as reaper, ExitStack() as stack:
        kafka = stack.enter_context(Kafka(reaper.folder))
        mongo = stack.enter_context(Mongo(reaper.folder))
        mysql = stack.enter_context(MySQL(reaper.folder))
        # PostgreSQL's user, who is not root, must reach its data.
        folder.parent.chmod(0o711)
        postgres = stack.enter_context(Postgres(reaper.folder))
        redis = stack.enter_context(Redis(reaper.folder))
        settings = ClusterSettings(task_managers=2, slots=slots)
        cluster = stack.enter_context(FlinkCluster(reaper.folder, settings))
        stores = Stores(
            mongo.url.replace("/rivulet", "/chaos"),
            mysql.url.replace("/rivulet", "/chaos"),
            postgres.url.replace("/rivulet", "/chaos"),
            redis.url,
        )
        stores.make()
        yield Site(kafka, stores, cluster)
