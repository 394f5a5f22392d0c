"""The settings of a job on Flink."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rivulet.settings import option

STREAMING: dict[str, Any] = {
    "checkpointing_interval": 5000,
    "min_pause_between_checkpoints": 1000,
    "max_bundle_size": 100,
    # No watermark waits for this time to be over, and with a tenth of it the task managers take
    # twice as much of the processors.
    "max_bundle_time_mills": 1000,
    # Else a bundle's output waits in the checkpoint until the next element comes, which may be
    # never, and the watermark overtakes it.
    "finish_bundle_before_checkpointing": True,
    # Else a checkpoint waits for all that is on its way between steps: with a backlog that is half
    # a minute of work for the stores.
    "unaligned_checkpoint_enabled": True,
    # A job that is cancelled can go on from its last checkpoint; the cluster's own setting of this
    # does not reach jobs that a job server submits.
    "externalized_checkpoints_enabled": True,
    "retain_externalized_checkpoints_on_cancellation": True,
}
"""Beam's options for a stream on Flink, where the user gives no other values."""

OTHER_BUNDLE_MS = 100
"""`max_bundle_time_mills` with a job server other than ours, where each step waits so long."""


@dataclass(frozen=True)
class FlinkSettings:
    """How the job runs on Flink.

    Attributes:
        savepoint: resume from this savepoint or retained checkpoint; of a local folder that is
            neither, from the newest one below it.
        savepoint_dir: where Ctrl-C puts its savepoint.
        checkpointing_interval: time between two checkpoints of a stream, in milliseconds.
        max_bundle_time_mills: a bundle of a stream ends after this time at the latest, in
            milliseconds.
        max_bundle_size: elements (batches of events) of a bundle of a stream, at the most.
        flink_home: folder of the job server's log and, of the embedded cluster, checkpoints and
            savepoints.
    """

    savepoint: str | None = option(None, "PATH", shown="begin anew")
    savepoint_dir: str | None = option(None, "URL", shown="where the cluster's settings say")
    checkpointing_interval: int | None = option(
        None, "MILLISECONDS", least=1, shown=str(STREAMING["checkpointing_interval"])
    )
    max_bundle_time_mills: int | None = option(
        None,
        "MILLISECONDS",
        least=1,
        shown=f"{STREAMING['max_bundle_time_mills']}; with Beam's own job server, where each of "
        f"about eight steps may add it to the latency, {OTHER_BUNDLE_MS}",
    )
    max_bundle_size: int | None = option(
        None, "N", least=1, shown=str(STREAMING["max_bundle_size"])
    )
    flink_home: Path = option(Path("rivulet-flink"), "DIR")

    def problems(self) -> list[str]:
        """What is wrong with the values, a line each."""
        if self.savepoint is None:
            return []
        try:
            find_savepoint(self.savepoint)
        except ValueError as error:
            return [str(error)]
        return []


def find_savepoint(where: str) -> str:
    """The savepoint or checkpoint that a path names: itself, or the newest below it.

    Raises:
        ValueError: it is a local path, and there is none.
    """
    if "://" in where and not where.startswith("file://"):
        return where
    folder = Path(where.removeprefix("file://").removeprefix("file:"))
    whole = sorted(folder.glob("**/_metadata"), key=lambda path: path.stat().st_mtime)
    if (folder / "_metadata").is_file():
        whole = [folder / "_metadata"]
    if not whole:
        raise ValueError(f"--savepoint: there is no complete savepoint or checkpoint in {folder}")
    return whole[-1].parent.resolve().as_uri()
