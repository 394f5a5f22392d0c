"""The job server's process, which includes a Flink cluster or submits to another one."""

import atexit
import os
import shutil
import subprocess
import time
from pathlib import Path

from pipelines.flink.job_server.build import MAIN
from pipelines.flink.job_server.java import OPENINGS
from rivulet.system.ports import LOOPBACK, free_port, is_open
from rivulet.system.processes import Process, spawn
from rivulet.system.programs import ProgramError, java

START_S, STOP_S, POLL_S = 240.0, 30.0, 0.1
JAVA_FLAGS = ("-Xmx1g", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
"""The second compiler would take more CPU than it saves: most of a job's work is Python's."""

FOLDER_VARIABLE = "FLINK_CONF_DIR"
EMBEDDED = ("[local]", "[auto]")
"""Values of `--flink_master` for the cluster inside the job server."""

# Flushes network buffers after each record. Flink's default adds up to 100 ms of latency in each
# step, and records are few because they are batches. The cluster's own setting does not apply to
# jobs of a job server.
FOR_JOBS = """\
execution.buffer-timeout.interval: 0 ms
"""
CONFIGURATION = """\
rest.address: {host}
rest.bind-address: {host}
rest.port: {port}
rest.bind-port: {port}
state.checkpoints.dir: {home}/checkpoints
state.savepoints.dir: {home}/savepoints
execution.checkpointing.externalized-checkpoint-retention: RETAIN_ON_CANCELLATION
state.checkpoints.num-retained: 2
metrics.fetcher.update-interval: 1000
web.submit.enable: false
"""


class JobServerProcess:
    """Beam's job server for Flink.

    Args:
        jar: the jar of `build_job_server`, or Beam's own.
        master: the cluster's address, or one of `EMBEDDED`.
        home: the folder of the log, the configuration and, for an embedded cluster, checkpoints and
            savepoints.
        savepoint: the URL of the savepoint or checkpoint from which a job on an embedded cluster
            resumes. Beam's option for it reaches other clusters only.
    """

    def __init__(self, jar: Path, master: str, home: Path, savepoint: str | None = None) -> None:
        self._jar, self._master, self._savepoint = jar, master, savepoint
        self._home = home.resolve()
        self._rest = free_port() if master in EMBEDDED else 0
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def web(self) -> str:
        """The address of the cluster's web page and REST interface."""
        return f"http://{LOOPBACK}:{self._rest}" if self._rest else self._master

    @property
    def savepoints(self) -> Path:
        """The folder of an embedded cluster's savepoints."""
        return self._home / "savepoints"

    @property
    def log(self) -> Path:
        """The process's log."""
        return self._home / "job-server.log"

    def start(self) -> str:
        """Starts it and waits until it listens.

        Returns:
            The address for jobs, HOST:PORT.

        Raises:
            ProgramError: it ended, or did not listen in time.
        """
        self._home.mkdir(parents=True, exist_ok=True)
        port = free_port(avoid=frozenset({self._rest}))
        settings = {}
        if self._rest or FOLDER_VARIABLE not in os.environ:
            settings[FOLDER_VARIABLE] = str(self._configure())
        command = (
            *_ends_with_this_process(),
            *(str(java()), *JAVA_FLAGS, *OPENINGS, "-cp", str(self._jar), MAIN),
            *("--flink-master", self._master, "--job-host", LOOPBACK, "--job-port", str(port)),
            *("--artifact-port", "0", "--expansion-port", "0"),
            *("--artifacts-dir", str(self._home / "artifacts")),
        )
        self._child = spawn(command, self.log, self._home, settings)
        atexit.register(self.stop)
        end = time.monotonic() + START_S
        while not is_open(port):
            if self._child.poll() is not None or time.monotonic() > end:
                self.stop()
                raise ProgramError(f"Flink's job server does not start; see {self.log}")
            time.sleep(POLL_S)
        return f"{LOOPBACK}:{port}"

    def stop(self) -> None:
        """Stops it; a job on another cluster continues."""
        atexit.unregister(self.stop)
        if self._child is not None:
            process = Process.of(self._child.pid)
            if process is not None:
                process.stop(STOP_S)
            self._child.wait()
            self._child = None
        shutil.rmtree(self._home / "artifacts", ignore_errors=True)

    def _configure(self) -> Path:
        folder = self._home / "conf"
        folder.mkdir(exist_ok=True)
        text = FOR_JOBS
        if self._rest:
            home = self._home.as_uri()
            text += CONFIGURATION.format(host=LOOPBACK, port=self._rest, home=home)
            if self._savepoint:
                text += f"execution.savepoint.path: {self._savepoint}\n"
        (folder / "config.yaml").write_text(text, encoding="utf-8")
        return folder


def _ends_with_this_process() -> tuple[str, ...]:
    """A command prefix that makes the process end when this one ends in any way (Linux)."""
    setpriv = shutil.which("setpriv") if os.name == "posix" else None
    return (setpriv, "--pdeathsig", "TERM") if setpriv else ()
