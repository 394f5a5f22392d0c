"""Flink itself, from PyPI, and the configuration of a cluster on loopback."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.flink import rocksdb
from pipelines.flink.job_server.java import OPENINGS
from rivulet.system.ports import LOOPBACK
from rivulet.system.programs import java, python_package

# Holds a Flink distribution without its shell scripts.
PACKAGE, VERSION = "apache-flink-libraries", "1.19.3"
BACKENDS = ("rocksdb", "hashmap")
LOG4J = """\
rootLogger.level = INFO
rootLogger.appenderRef.console.ref = Console
appender.console.name = Console
appender.console.type = CONSOLE
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{yyyy-MM-dd HH:mm:ss,SSS} %-5p %-40c - %m%n
logger.pekko.name = org.apache.pekko
logger.pekko.level = WARN
logger.zookeeper.name = org.apache.flink.shaded.zookeeper3
logger.zookeeper.level = WARN
"""
CONFIGURATION = """\
jobmanager.rpc.address: {host}
jobmanager.bind-host: {host}
rest.address: {host}
rest.bind-address: {host}
taskmanager.host: {host}
taskmanager.bind-host: {host}
taskmanager.numberOfTaskSlots: {slots}
# A long answer under load is no failure; a dead peer is noticed by its closed connection.
pekko.ask.timeout: 60 s
heartbeat.interval: 2000
heartbeat.timeout: 15000
# With 10 minutes, Flink's own, metrics may stand still that long where a task manager dies.
web.timeout: 60000
state.backend.type: {backend}
state.backend.incremental: {incremental}
state.backend.rocksdb.options-factory: {factory}
# By levels, files that hold nothing but one deletion are moved down as they are, and stay for ever.
state.backend.rocksdb.compaction.style: UNIVERSAL
state.checkpoints.dir: {home}/checkpoints
state.savepoints.dir: {home}/savepoints
# A job that is cancelled or lost can go on from its last checkpoint.
execution.checkpointing.externalized-checkpoint-retention: RETAIN_ON_CANCELLATION
state.checkpoints.num-retained: 2
restart-strategy.type: exponential-delay
restart-strategy.exponential-delay.initial-backoff: 500 ms
restart-strategy.exponential-delay.max-backoff: 10 s
restart-strategy.exponential-delay.backoff-multiplier: 1.5
taskmanager.load-balance.mode: SLOTS
# The numbers that the web page and the REST interface show are at most this old (ms).
metrics.fetcher.update-interval: 1000
web.submit.enable: false
io.tmp.dirs: {tmp}
web.tmpdir: {tmp}
classloader.check-leaked-classloader: false
"""


@dataclass(frozen=True)
class ClusterSettings:
    """What one chooses of a cluster.

    Attributes:
        task_managers: How many task managers.
        slots: Slots of each: the parallelism that one task manager takes.
        backend: `rocksdb` (state on disk, incremental checkpoints) or `hashmap` (state in memory).
        heap_mb: Memory of each task manager for the job's Java objects (MiB); with `hashmap` the
            state is in it.
        high_availability: Keep the jobs in a ZooKeeper, so that they go on from their last
            checkpoint when the job manager comes back.
    """

    task_managers: int = 2
    slots: int = 2
    backend: str = "rocksdb"
    heap_mb: int = 512
    high_availability: bool = False


def install() -> Path:
    """Get the distribution unless it is there; give the folder of its jars."""
    java()
    return python_package(PACKAGE, VERSION) / "pyflink" / "lib"


def configure(
    folder: Path, home: Path, settings: ClusterSettings, more: Mapping[str, object]
) -> None:
    """Write config.yaml and the logs' settings.

    Args:
        folder: Takes the files.
        home: The cluster's folder, for checkpoints, savepoints and temporary files.
        settings: What was chosen.
        more: Further settings of Flink.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tmp = home / "tmp"
    for name in ("checkpoints", "savepoints", "tmp"):
        (home / name).mkdir(parents=True, exist_ok=True)
    text = CONFIGURATION.format(
        host=LOOPBACK,
        slots=settings.slots,
        backend=settings.backend,
        incremental=str(settings.backend == "rocksdb").lower(),
        factory=rocksdb.FACTORY,
        home=home.as_uri(),
        tmp=tmp,
    )
    text += "".join(f"{key}: {value}\n" for key, value in more.items())
    (folder / "config.yaml").write_text(text, encoding="utf-8")
    (folder / "log4j.properties").write_text(LOG4J, encoding="utf-8")


def java_command(
    lib: Path, folder: Path, log: Path, main: str, flags: tuple[str, ...]
) -> tuple[str, ...]:
    """Give the start of a command line that runs one of Flink's programs.

    Args:
        lib: The folder of Flink's jars.
        folder: The folder of the configuration.
        log: The process's log, which the web page shows.
        main: The program's class.
        flags: Java's own options, like its memory.
    """
    # The table jars are left out: Beam needs none of them.
    jars = [*lib.glob("flink-dist-*.jar"), *lib.glob("log4j-*.jar")]
    jars.append(rocksdb.options_jar(lib, VERSION))
    return (
        # Most work is Python's: what Java's second compiler saves it takes several times over.
        *(str(java()), "-XX:TieredStopAtLevel=1", *flags, *OPENINGS),
        f"-Dlog.file={log}",
        f"-Dlog4j.configurationFile={(folder / 'log4j.properties').as_uri()}",
        *("-cp", ":".join(str(jar) for jar in sorted(jars)), main),
    )
