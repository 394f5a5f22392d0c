"""Processes that outlive the command, named so that another's process is never stopped."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

POLL_S = 0.05


@dataclass(frozen=True)
class Process:
    """A process by id and start time: an id alone may by now be another's.

    Attributes:
        pid: The process id.
        started: When it started, in the system's own terms (on Linux boot id and clock ticks).
    """

    pid: int
    started: str

    @classmethod
    def of(cls, pid: int) -> "Process | None":
        """Name the process that has this id now, None if there is none."""
        started = _start_time(pid)
        return cls(pid, started) if started else None

    def alive(self) -> bool:
        """Tell whether this very process still runs (a zombie does not)."""
        return _start_time(self.pid) == self.started

    def kill(self, number: signal.Signals = signal.SIGKILL, group: bool = True) -> None:
        """Send a signal, if the process is still this one.

        Args:
            number: The signal.
            group: Also to the processes that it started (it leads its own group).
        """
        if not self.alive():
            return
        try:
            if group:
                os.killpg(self.pid, number)
            else:
                os.kill(self.pid, number)
        except ProcessLookupError:
            pass  # it went in between

    def wait(self, timeout_s: float) -> bool:
        """Wait for the end; False if it still runs after `timeout_s` seconds."""
        end = time.monotonic() + timeout_s
        while self.alive():
            if time.monotonic() > end:
                return False
            time.sleep(POLL_S)
        return True

    def stop(self, grace_s: float) -> None:
        """Ask it to end, and end it when it has not after `grace_s` seconds."""
        self.kill(signal.SIGTERM, group=False)
        if not self.wait(grace_s):
            self.kill()
            self.wait(grace_s)


def spawn(
    command: Sequence[str], log: Path, folder: Path, env: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Start a process in a session of its own, its output appended to a log.

    Args:
        command: Program and arguments.
        log: The file that takes its standard output and error.
        folder: Its working directory.
        env: Variables on top of this process's own.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env={**os.environ, **(env or {})},
            start_new_session=True,
        )


def stand_back(pid: int, niceness: int) -> None:
    """Let a process that has just been spawned stand back for others, or go first.

    Args:
        pid: Its id; it leads a session of its own.
        niceness: As nice(1) has it, from -20, which goes first, to 19. What is below 0 takes the
            right to do so: without it nothing is changed.
    """
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, pid, niceness)
        # Linux may share processors out by session first, and by process within one (sched(7)).
        Path(f"/proc/{pid}/autogroup").write_text(str(niceness), encoding="ascii")


def children(pid: int) -> list[Process]:
    """Give the processes that a process started and that still run."""
    found = [Process.of(child) for child, parent in _parents() if parent == pid]
    return [process for process in found if process is not None]


def _start_time(pid: int) -> str | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None if Path("/proc/self/stat").exists() else _start_time_by_ps(pid)
    # The name, in brackets, may itself hold spaces and brackets.
    fields = text.rpartition(")")[2].split()
    state, threads, ticks = fields[0], int(fields[17]), fields[19]
    # While other threads of a killed process still end, its files and ports are still held.
    if state in "ZX" and threads <= 1:
        return None
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
    return f"{boot}:{ticks}"


def _parents() -> Iterator[tuple[int, int]]:
    """Give each process's id and its parent's."""
    if not Path("/proc/self/stat").exists():
        ask = ("ps", "-A", "-o", "pid=,ppid=")
        listed = subprocess.run(ask, capture_output=True, text=True, check=False).stdout
        for line in listed.splitlines():
            child, parent = line.split()
            yield int(child), int(parent)
        return
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended in between
        yield int(path.parent.name), int(text.rpartition(")")[2].split()[1])


def _start_time_by_ps(pid: int) -> str | None:
    """Ask `ps`, where there is no /proc (macOS)."""
    ask = ("ps", "-o", "stat=,lstart=", "-p", str(pid))
    text = subprocess.run(ask, capture_output=True, text=True, check=False).stdout.strip()
    state, _, started = text.partition(" ")
    return started.strip() if started and "Z" not in state else None
