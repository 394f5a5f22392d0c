"""What all servers share: install, start, wait for an answer, stop, restart on the same port."""

import abc
import json
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from rivulet.system.cache import file_lock
from rivulet.system.ports import free_port, is_free, is_open
from rivulet.system.processes import Process, spawn, stand_back
from rivulet.system.programs import ProgramError

POLL_S = 0.05
STARTS = 3
LOG_TAIL = 12


@dataclass
class State:
    """What a data folder remembers of a server.

    Attributes:
        ports: Its ports by role; they stay the same from one start to the next.
        process: The process that was started last, None after a stop.
    """

    ports: dict[str, int] = field(default_factory=dict)
    process: Process | None = None

    @classmethod
    def load(cls, path: Path) -> "State":
        """Read what was saved; nothing saved is an empty state."""
        try:
            saved = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return cls()
        process = saved["process"]
        return cls(saved["ports"], Process(**process) if process else None)

    def save(self, path: Path) -> None:
        """Write it in one step."""
        part = path.with_suffix(".part")
        part.write_text(json.dumps(asdict(self)), encoding="utf-8")
        part.replace(path)


class Server(abc.ABC):
    """One server process on loopback, with its files below a data folder.

    Also a context manager: it starts on entry and stops on exit.

    Args:
        data: The data folder; this server's files are in `data/<name>`, its log in `data/logs`.
        port: Its port; 0 keeps the one it had, else takes the usual one or a free one.
        usual_port: Try the server's well-known port before any free one.
        options: More arguments for the server's command line.

    Attributes:
        name: What commands, folders and logs call it.
        roles: Its ports by role with their well-known numbers; the first is the clients'.
            A server that nobody calls has none.
        start_s: Seconds that it may take until it answers.
        stop_s: Seconds that it may take to end before it is killed.
        niceness: How far it stands back for others on its machine (below 0: goes first).
    """

    name: str
    roles: ClassVar[dict[str, int]]
    start_s: ClassVar[float] = 60.0
    stop_s: ClassVar[float] = 20.0
    niceness: ClassVar[int] = 0

    def __init__(
        self, data: Path, port: int = 0, usual_port: bool = False, options: Sequence[str] = ()
    ) -> None:
        self.data = data.resolve()
        self.home = self.data / self.name
        self.log = self.data / "logs" / f"{self.name}.log"
        self.options = tuple(options)
        self._wanted_port = port
        self._usual_port = usual_port
        self._state_file = self.home / "state.json"
        self._state = State.load(self._state_file)
        self._child: subprocess.Popen[bytes] | None = None

    @property
    @abc.abstractmethod
    def url(self) -> str:
        """Give the address in the form that the pipelines take."""

    @abc.abstractmethod
    def install(self) -> None:
        """Get the programs if they are missing (once for each user, see `rivulet.system.cache`)."""

    @abc.abstractmethod
    def prepare(self) -> None:
        """Write configuration and first files into `home`; called before each start."""

    @abc.abstractmethod
    def command(self) -> Sequence[str]:
        """Give program and arguments."""

    @abc.abstractmethod
    def ping(self) -> None:
        """Ask the server something as a client does; any exception means not yet."""

    def environment(self) -> Mapping[str, str]:
        """Give variables for the process, on top of this process's own."""
        return {}

    @property
    def port(self) -> int:
        """Give the clients' port (0 before the first start, or if it has none)."""
        return self.ports.get(next(iter(self.roles), ""), 0)

    @property
    def ports(self) -> Mapping[str, int]:
        """Give the ports by role."""
        return self._state.ports

    @property
    def process(self) -> Process | None:
        """Give the process, None when it does not run."""
        if self._child is not None and self._child.poll() is not None:
            self._child = None
        process = self._state.process
        return process if process is not None and process.alive() else None

    def start(self) -> Self:
        """Start it unless it runs, and wait until it answers.

        Raises:
            ProgramError: It cannot be installed, its port is taken, or it did not answer in time.
        """
        self.install()
        with file_lock(self.data / "locks" / self.name):
            self._state = State.load(self._state_file)
            if self.process is not None:
                self._await_answer(self.process)
                return self
            self.home.mkdir(parents=True, exist_ok=True)
            for attempt in range(STARTS):
                self._state = State(self._choose_ports(fresh=attempt > 0))
                try:
                    self._launch()
                    return self
                except ProgramError:
                    # Another program may have taken the port between the choice and the start.
                    if self._wanted_port or attempt == STARTS - 1 or self._ports_free():
                        raise
        raise AssertionError("unreachable")

    def stop(self) -> None:
        """Ask it to end, wait, and end it if it does not; nothing happens if it does not run."""
        with file_lock(self.data / "locks" / self.name):
            self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a crash does (kill -9), with every process that it started."""
        with file_lock(self.data / "locks" / self.name):
            self._end(signal.SIGKILL)

    def restart(self, down_s: float = 0.0) -> Self:
        """Stop it and start it again on the same port and data.

        Args:
            down_s: Seconds between the two.
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

    def _choose_ports(self, fresh: bool) -> dict[str, int]:
        """Give each role a port: the asked, the last, the well-known, or any free one."""
        chosen: dict[str, int] = {}
        for role, usual in self.roles.items():
            last = self._state.ports.get(role, 0)
            first = not chosen
            if first and self._wanted_port:
                port = self._wanted_port
                if not is_free(port):
                    raise ProgramError(
                        f"{self.name}: port {port} is taken by another program. "
                        "Name another one, or none for a free one."
                    )
            elif last and not fresh:
                port = last
                if not is_free(port):
                    raise ProgramError(
                        f"{self.name}: port {port}, which it had before, is now taken by another "
                        f"program. Stop that one, or give --port {self.name}=N for another."
                    )
            elif self._usual_port and is_free(usual) and not fresh:
                port = usual
            else:
                port = free_port(avoid=frozenset(chosen.values()))
            chosen[role] = port
        return chosen

    def _ports_free(self) -> bool:
        return all(is_free(port) for port in self._state.ports.values())

    def _launch(self) -> None:
        self.prepare()
        self._child = spawn(self.command(), self.log, self.home, self.environment())
        process = Process.of(self._child.pid)
        if process is None:
            raise ProgramError(f"{self.name} ended at once.{self._log_tail()}")
        if self.niceness:
            stand_back(process.pid, self.niceness)
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
                except Exception as error:  # a client may say "not yet" in any way
                    problem = error
                else:
                    # The answer may be another program's if ours lost the port to it.
                    if process.alive():
                        return
            time.sleep(POLL_S)
        reason = f" ({problem})" if problem else ""
        raise ProgramError(
            f"{self.name} did not answer in {self.start_s:.0f} s{reason}.{self._log_tail()}"
        )

    def _end(self, number: signal.Signals) -> None:
        self._state = State.load(self._state_file)
        process = self.process
        if process is not None:
            if number == signal.SIGKILL:
                process.kill()
                process.wait(self.stop_s)
            else:
                process.stop(self.stop_s)
        if self._child is not None:
            self._child.poll()
            self._child = None
        if self._state.process is not None:
            self._state.process = None
            self._state.save(self._state_file)

    def _log_tail(self) -> str:
        if not self.log.exists():
            return ""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_TAIL:]
        return f" The end of {self.log}:\n" + "\n".join(lines)
