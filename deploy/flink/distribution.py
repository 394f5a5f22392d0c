"""Flink's distribution, from PyPI, and the configuration of a cluster on loopback."""

from collections.abc import Mapping
from pathlib import Path

from deploy.flink import rocksdb
from deploy.flink.settings import ClusterSettings
from pipelines.flink.job_server.java import OPENINGS
from rivulet.system.ports import LOOPBACK
from rivulet.system.programs import java, python_package

# A Flink distribution without its shell scripts.
PACKAGE, VERSION = "apache-flink-libraries", "1.19.3"
HASHES = ("4a58e3a1fb7d83340bc96b6c080624c6d792d69fae5d294b96224775204a9c60",)
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
# Answers may take long under load. A dead peer is detected by its closed connection.
pekko.ask.timeout: 60 s
heartbeat.interval: 2000
heartbeat.timeout: 15000
# Metrics may be stale for this time after a task manager died; Flink's default is 10 minutes.
web.timeout: 60000
state.backend.type: {backend}
state.backend.incremental: {incremental}
state.backend.rocksdb.options-factory: {factory}
# Level compaction moves files with a single deletion to the next level without rewriting them, so
# that they are never removed.
state.backend.rocksdb.compaction.style: UNIVERSAL
state.checkpoints.dir: {home}/checkpoints
state.savepoints.dir: {home}/savepoints
# A job that was cancelled or lost can resume from its last checkpoint.
execution.checkpointing.externalized-checkpoint-retention: RETAIN_ON_CANCELLATION
state.checkpoints.num-retained: 2
restart-strategy.type: exponential-delay
restart-strategy.exponential-delay.initial-backoff: 500 ms
restart-strategy.exponential-delay.max-backoff: 10 s
restart-strategy.exponential-delay.backoff-multiplier: 1.5
taskmanager.load-balance.mode: SLOTS
# Maximum age of the metrics on the web page and in the REST interface (ms).
metrics.fetcher.update-interval: 1000
web.submit.enable: false
io.tmp.dirs: {tmp}
web.tmpdir: {tmp}
classloader.check-leaked-classloader: false
"""


def install() -> Path:
    """Downloads the distribution if it is missing.

    Returns:
        The folder of its jars.
    """
    java()
    return python_package(PACKAGE, VERSION, HASHES) / "pyflink" / "lib"


def configure(
    folder: Path, home: Path, settings: ClusterSettings, more: Mapping[str, object]
) -> None:
    """Writes config.yaml and the logging configuration.

    Args:
        folder: where the files are written.
        home: the cluster's folder, for checkpoints, savepoints and temporary files.
        settings: the cluster's settings.
        more: further options of Flink, by name.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tmp = home / "tmp"
    for name in ("checkpoints", "savepoints", "tmp"):
        (home / name).mkdir(parents=True, exist_ok=True)
    text = CONFIGURATION.format(
        host=LOOPBACK,
        slots=settings.slots,
        backend=settings.state_backend,
        incremental=str(settings.state_backend == "rocksdb").lower(),
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
    """The command line that runs one of Flink's programs, without the program's arguments.

    Args:
        lib: the folder of Flink's jars.
        folder: the folder of the configuration.
        log: the process's log, which the web page shows.
        main: the program's main class.
        flags: options of Java, like its memory.
    """
    # Beam does not need the jars of the Table API.
    jars = [*lib.glob("flink-dist-*.jar"), *lib.glob("log4j-*.jar")]
    jars.append(rocksdb.options_jar(lib, VERSION))
    return (
        # Most of the work is done in Python: the C2 compiler costs more time than it saves.
        *(str(java()), "-XX:TieredStopAtLevel=1", *flags, *OPENINGS),
        f"-Dlog.file={log}",
        f"-Dlog4j.configurationFile={(folder / 'log4j.properties').as_uri()}",
        *("-cp", ":".join(str(jar) for jar in sorted(jars)), main),
    )
