"""The base class of all servers: install, start, wait for an answer, stop, restart."""

import abc
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from deploy.state import ServerState, choose_ports
from rivulet.system.cache import file_lock
from rivulet.system.ports import is_free, is_open
from rivulet.system.processes import Process, children, set_priority, spawn
from rivulet.system.programs import ProgramError

POLL_S = 0.05
START_ATTEMPTS = 3
LOG_TAIL_LINES = 12


class Server(abc.ABC):
    """One server process on loopback, with its files in a data folder.

    As a context manager it starts on entry and stops on exit.

    Args:
        data: the data folder; this server's files are in `data/<name>`, its log in `data/logs`.
        port: its port; with 0 it keeps its last port, or takes its well-known or any free port.
        usual_port: try the server's well-known port before any free port.
        options: further arguments of the server's command line.

    Attributes:
        name: its name in commands, folders and logs.
        roles: its well-known ports by role; clients connect to the first. Empty for a server
            without clients.
        start_s: seconds from its start to its first answer, at most.
        stop_s: seconds from `stop_signal` to its end, at most; then it is killed.
        stop_signal: asks the process to stop.
        niceness: its process's niceness, from -20 (highest priority) to 19.
    """

    name: str
    roles: ClassVar[dict[str, int]]
    start_s: ClassVar[float] = 240.0
    stop_s: ClassVar[float] = 60.0
    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM
    niceness: ClassVar[int] = 0

    def __init__(
        self, data: Path, port: int = 0, usual_port: bool = False, options: Sequence[str] = ()
    ) -> None:
        self.data = data.resolve()
        self.home = self.data / self.name
        self.log = self.data / "logs" / f"{self.name}.log"
        self.options = tuple(options)
        self._requested_port = port
        self._usual_port = usual_port
        self._state_file = self.home / "state.json"
        self._state = ServerState.load(self._state_file)
        self._child: subprocess.Popen[bytes] | None = None

    @property
    @abc.abstractmethod
    def url(self) -> str:
        """The address in the form that the pipelines take."""

    @abc.abstractmethod
    def install(self) -> None:
        """Installs the programs if they are missing."""

    @abc.abstractmethod
    def prepare(self) -> None:
        """Writes configuration and initial files into `home`; called before each start."""

    @abc.abstractmethod
    def command(self) -> Sequence[str]:
        """The program and its arguments."""

    @abc.abstractmethod
    def ping(self) -> None:
        """Sends a request as a client does.

        Raises:
            Exception: the server is not ready.
        """

    def environment(self) -> Mapping[str, str]:
        """Variables for the process, in addition to this process's own."""
        return {}

    @property
    def port(self) -> int:
        """The clients' port; 0 before the first start, or without roles."""
        return self.ports.get(next(iter(self.roles), ""), 0)

    @property
    def ports(self) -> Mapping[str, int]:
        """Ports by role."""
        return self._state.ports

    @property
    def process(self) -> Process | None:
        """The process; None when it does not run."""
        if self._child is not None and self._child.poll() is not None:
            self._child = None
        process = self._state.process
        return process if process is not None and process.alive() else None

    def start(self) -> Self:
        """Starts it unless it runs, and waits until it answers.

        Raises:
            ProgramError: it cannot be installed, its port is in use, or it did not answer in time.
        """
        self.install()
        with file_lock(self.data / "locks" / self.name):
            self._state = ServerState.load(self._state_file)
            if self.process is not None:
                self._await_answer(self.process)
                return self
            self.home.mkdir(parents=True, exist_ok=True)
            for attempt in range(START_ATTEMPTS):
                ports = choose_ports(
                    self.name, self.roles, self._state.ports, self._requested_port,
                    self._usual_port, fresh=attempt > 0,
                )  # fmt: skip
                self._state = ServerState(ports)
                try:
                    self._launch()
                    return self
                except ProgramError:
                    # Another program may have taken the port between the choice and the start.
                    last = attempt == START_ATTEMPTS - 1
                    if self._requested_port or last or self._ports_free():
                        raise
        raise AssertionError("unreachable")

    def stop(self) -> None:
        """Sends `stop_signal`, and kills it after `stop_s`; does nothing if it does not run."""
        with file_lock(self.data / "locks" / self.name):
            self._end(self.stop_signal)

    def kill(self) -> None:
        """Kills it (SIGKILL), with all processes that it started, as a crash does."""
        with file_lock(self.data / "locks" / self.name):
            self._end(signal.SIGKILL)

    def restart(self, down_s: float = 0.0) -> Self:
        """Stops it and starts it again with the same port and data.

        Args:
            down_s: seconds between the two.
        """
        self.stop()
        time.sleep(down_s)
        return self.start()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _ports_free(self) -> bool:
        return all(is_free(port) for port in self._state.ports.values())

    def _launch(self) -> None:
        self.prepare()
        self._child = spawn(self.command(), self.log, self.home, self.environment())
        process = Process.of(self._child.pid)
        if process is None:
            raise ProgramError(f"{self.name} ended at once.{self._log_tail()}")
        if self.niceness:
            set_priority(process.pid, self.niceness)
        self._state.process = process
        self._state.save(self._state_file)
        try:
            self._await_answer(process)
        except BaseException:
            self._end(signal.SIGKILL)
            raise

    def _await_answer(self, process: Process) -> None:
        end = time.monotonic() + self.start_s
        problem: Exception | None = None
        while time.monotonic() < end:
            if self.process is None:
                raise ProgramError(f"{self.name} ended while starting.{self._log_tail()}")
            if not self.roles or is_open(self.port):
                try:
                    self.ping()
                except Exception as error:  # each client has errors of its own
                    problem = error
                else:
                    # If another program took the port, the answer is that program's.
                    if process.alive():
                        return
            time.sleep(POLL_S)
        reason = f" ({problem})" if problem else ""
        raise ProgramError(
            f"{self.name} did not answer in {self.start_s:.0f} s{reason}.{self._log_tail()}"
        )

    def _end(self, number: signal.Signals) -> None:
        self._state = ServerState.load(self._state_file)
        process = self.process
        if process is not None:
            if number == signal.SIGKILL:
                # Children may have left the process's group.
                ended = [process, *children(process.pid)]
                for each in ended:
                    each.kill(group=each is process)
                for each in ended:
                    each.wait(self.stop_s)
            else:
                process.stop(self.stop_s, number)
        if self._child is not None:
            self._child.poll()
            self._child = None
        if self._state.process is not None:
            self._state.process = None
            self._state.save(self._state_file)

    def _log_tail(self) -> str:
        if not self.log.exists():
            return ""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return f" The end of {self.log}:\n" + "\n".join(lines[-LOG_TAIL_LINES:])
