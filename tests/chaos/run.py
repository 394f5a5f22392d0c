"""A run of the main job on the cluster, as a process, monitored by the rows in MySQL."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from tests.chaos.site import Site
from tests.flink.stream import enable_ctrl_c

ROOT = Path(__file__).parents[2]
POLL_S = 0.2
IDLE_S = 5


class Run:
    """The job from Kafka into three stores; a context manager.

    Attributes:
        growth: times at which MySQL had more rows than before, by the monotonic clock.
        total: rows in MySQL.
    """

    def __init__(
        self, site: Site, folder: Path, url: str, module: str = "pipelines.recommend"
    ) -> None:
        self.site, self.folder, self.module = site, folder, module
        self.flags = [
            f"--input={url}",
            *site.stores.flags,
            f"--dead_letters={folder / 'dead.jsonl'}",
            *site.cluster.options(parallelism=2),
            "--checkpointing_interval=2000",
        ]
        self.growth: list[float] = []
        self.total = 0
        self._started = time.time() * 1000
        self._job: subprocess.Popen[bytes] | None = None
        self._ended = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Run:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._watcher.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._ended.set()
        self._watcher.join()
        if self._job is not None and self._job.poll() is None:
            self._job.kill()
            self._job.wait()

    def submit(self, *more: str, idle_s: int = IDLE_S) -> None:
        """Starts the job's process; again after the first one has ended."""
        command = (sys.executable, "-W", "ignore", "-m", self.module)
        flags = (*self.flags, f"--silence_timeout={idle_s}", *more)
        with (self.folder / "out.txt").open("ab") as out:
            self._job = subprocess.Popen(
                (*command, *flags), cwd=self.folder, stdout=out, stderr=out,
                stdin=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": str(ROOT)},
                preexec_fn=enable_ctrl_c,
            )  # fmt: skip

    def stop(self, timeout_s: float = 300) -> str:
        """Sends Ctrl-C.

        Returns:
            The savepoint.
        """
        assert self._job is not None
        self._job.send_signal(signal.SIGINT)
        assert self._job.wait(timeout_s) == 0, self.output()
        return self.output().rpartition("--savepoint=")[2].split()[0]

    def kill(self) -> None:
        """Kills the command; the job continues."""
        assert self._job is not None
        self._job.kill()
        self._job.wait()

    def output(self) -> str:
        return (self.folder / "out.txt").read_text(errors="replace")

    def wait_for(self, rows: int, timeout_s: float = 1800) -> None:
        """Waits until MySQL has this number of rows."""
        end = time.monotonic() + timeout_s
        while self.total < rows:
            assert time.monotonic() < end, f"{self.total} rows of {rows}\n{self.output()[-2000:]}"
            time.sleep(POLL_S / 2)

    def next_row(self, after: float) -> float:
        """When the first new row after a time was written."""
        end = time.monotonic() + 1200
        while not (later := [moment for moment in self.growth if moment > after]):
            assert time.monotonic() < end, self.output()[-2000:]
            time.sleep(POLL_S / 2)
        return later[0]

    def next_checkpoint(self, after: float) -> float:
        """When the first checkpoint that was triggered after a time was complete."""
        fault = (time.time() - time.monotonic() + after) * 1000
        end = time.monotonic() + 1200
        while time.monotonic() < end:
            for latest in self._checkpoints():
                done = latest.get("completed")
                if done and done["trigger_timestamp"] > fault:
                    return after + (done["latest_ack_timestamp"] - fault) / 1000
            time.sleep(POLL_S)
        raise AssertionError(f"no checkpoint after the fault\n{self.output()[-2000:]}")

    def restored(self) -> str:
        """The checkpoint from which this run's job was restored; empty if none."""
        for latest in self._checkpoints():
            if restored := latest.get("restored"):
                kind = "savepoint" if restored["is_savepoint"] else "checkpoint"
                return f"{kind} {restored['id']}"
        return ""

    def _checkpoints(self) -> list[dict[str, Any]]:
        """The latest checkpoints of this run's jobs; empty while the job manager is down."""
        try:
            jobs = self.site.cluster.rest("/jobs/overview")["jobs"]
            ours = [job["jid"] for job in jobs if job["start-time"] > self._started]
            statistics = [self.site.cluster.rest(f"/jobs/{job}/checkpoints") for job in ours]
        except OSError:
            return []
        return [each.get("latest") or {} for each in statistics]

    def _watch(self) -> None:
        while not self._ended.wait(POLL_S):
            try:
                now = sum(self.site.rows().values())
            except Exception:  # noqa: S112  (MySQL is busy: try again.)
                continue
            if now > self.total:
                self.growth.append(time.monotonic())
                self.total = now
