"""Kafka: one process that is broker and controller (KRaft)."""

import base64
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from deploy.server import Server
from rivulet.system.cache import cached
from rivulet.system.ports import LOOPBACK
from rivulet.system.programs import java, maven_jars, maven_property, run

POM = Path(__file__).with_name("kafka.pom.xml")
HEAP = "-Xmx512m"
# One broker, so that all replication factors are 1. New topics have three partitions, for parallel
# reading.
PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://{host}:{broker},CONTROLLER://{host}:{controller}
advertised.listeners=PLAINTEXT://{host}:{broker}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={logs}
num.partitions=3
default.replication.factor=1
min.insync.replicas=1
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
log.cleaner.dedupe.buffer.size=16777216
# A broker that crashed can register again after 3 s instead of 9 s.
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
{more}
"""


class Kafka(Server):
    """A Kafka broker; `options` are lines of its server.properties."""

    name = "kafka"
    roles: ClassVar[dict[str, int]] = {"broker": 9092, "controller": 9093}

    @property
    def url(self) -> str:
        """The address without a topic."""
        return f"kafka://{self.bootstrap}"

    @property
    def bootstrap(self) -> str:
        """Host and port, as Kafka's clients take them."""
        return f"{LOOPBACK}:{self.port}"

    def install(self) -> None:
        """Downloads the jars with Maven."""
        version = maven_property(POM, "kafka.version")
        self._jars = cached(f"kafka-{version}", lambda folder: maven_jars(POM, folder))

    def prepare(self) -> None:
        """Writes server.properties, and formats the log folder once."""
        logs = self.home / "logs"
        settings = self.home / "server.properties"
        text = PROPERTIES.format(
            host=LOOPBACK, logs=logs, more="\n".join(self.options), **self.ports
        )
        settings.write_text(text, encoding="utf-8")
        if not (logs / "meta.properties").exists():
            cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
            tool = self.tool("StorageTool", "format", f"--cluster-id={cluster}")
            run((*tool, "-c", str(settings)), "Formatting Kafka's log folder")

    def command(self) -> Sequence[str]:
        """The broker's command line."""
        return self._java("kafka.Kafka", str(self.home / "server.properties"))

    def tool(self, name: str, *arguments: str) -> tuple[str, ...]:
        """The command of one of Kafka's own tools, as `ConsoleProducer`."""
        return self._java(f"kafka.tools.{name}", *arguments)

    def ping(self) -> None:
        """Requests the cluster's brokers."""
        from kafka import KafkaAdminClient

        admin = KafkaAdminClient(bootstrap_servers=self.bootstrap, request_timeout_ms=5000)
        try:
            admin.describe_cluster()
        finally:
            admin.close()

    def _java(self, *arguments: str) -> tuple[str, ...]:
        quiet = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"
        jars = str(self._jars / "*")
        return (str(java()), HEAP, "-XX:+UseSerialGC", quiet, "-cp", jars, *arguments)
