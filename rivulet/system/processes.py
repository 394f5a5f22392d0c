"""Processes that outlive the command that starts them.

A process is identified by its id and its start time, so that no other process that has the id by
now is stopped in its place.
"""

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
    """A process.

    Attributes:
        pid: the process id.
        started: when it started, in the system's format (on Linux, boot id and clock ticks).
    """

    pid: int
    started: str

    @classmethod
    def of(cls, pid: int) -> "Process | None":
        """The process that has this id now; None if there is none."""
        started = _start_time(pid)
        return cls(pid, started) if started else None

    def alive(self) -> bool:
        """Whether this process runs; False for a zombie."""
        return _start_time(self.pid) == self.started

    def kill(self, number: signal.Signals = signal.SIGKILL, group: bool = True) -> None:
        """Sends a signal, if the process still runs.

        Args:
            number: the signal.
            group: send it to the process's group, of which the process is the leader.
        """
        if not self.alive():
            return
        try:
            if group:
                os.killpg(self.pid, number)
            else:
                os.kill(self.pid, number)
        except ProcessLookupError:
            pass  # it ended in between

    def wait(self, timeout_s: float) -> bool:
        """Waits for the end; False if it still runs after `timeout_s` seconds."""
        end = time.monotonic() + timeout_s
        while self.alive():
            if time.monotonic() > end:
                return False
            time.sleep(POLL_S)
        return True

    def stop(self, grace_s: float, number: signal.Signals = signal.SIGTERM) -> None:
        """Sends a signal, and kills the process if it still runs after `grace_s` seconds."""
        self.kill(number, group=False)
        if not self.wait(grace_s):
            self.kill()
            self.wait(grace_s)


def spawn(
    command: Sequence[str], log: Path, folder: Path, env: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Starts a process in a session of its own.

    Args:
        command: program and arguments.
        log: the file to which its standard output and error are appended.
        folder: its working directory.
        env: variables in addition to this process's own.
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


def set_priority(pid: int, niceness: int) -> None:
    """Sets the niceness of a spawned process and of its session.

    Nothing changes where the user may not do so, as for values below 0 without the privilege.

    Args:
        pid: the process's id; it leads a session of its own.
        niceness: as in nice(1), from -20 (highest priority) to 19.
    """
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, pid, niceness)
        # Linux may schedule sessions first and the processes of a session second (sched(7)).
        Path(f"/proc/{pid}/autogroup").write_text(str(niceness), encoding="ascii")


def children(pid: int) -> list[Process]:
    """The running child processes of a process."""
    found = [Process.of(child) for child, parent in _parents() if parent == pid]
    return [process for process in found if process is not None]


def _start_time(pid: int) -> str | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None if Path("/proc/self/stat").exists() else _start_time_by_ps(pid)
    # The name is in brackets, and may contain spaces and brackets.
    fields = text.rpartition(")")[2].split()
    state, threads, ticks = fields[0], int(fields[17]), fields[19]
    # A killed process keeps its files and ports until its last thread has ended.
    if state in "ZX" and threads <= 1:
        return None
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
    return f"{boot}:{ticks}"


def _parents() -> Iterator[tuple[int, int]]:
    """The id of each process, and its parent's id."""
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
    """The start time by `ps`, where there is no /proc (macOS)."""
    ask = ("ps", "-o", "stat=,lstart=", "-p", str(pid))
    text = subprocess.run(ask, capture_output=True, text=True, check=False).stdout.strip()
    state, _, started = text.partition(" ")
    return started.strip() if started and "Z" not in state else None
