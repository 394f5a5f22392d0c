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
    # Our job server ends bundles at watermarks, so that this time adds no latency. With 100 ms the
    # task managers use twice the CPU time.
    "max_bundle_time_mills": 1000,
    # Without it, a bundle's output is buffered in the checkpoint until the next element arrives,
    # and the watermark may pass it.
    "finish_bundle_before_checkpointing": True,
    # Without it, a checkpoint waits until the records between steps are processed: with a backlog
    # that is half a minute of writes to the stores.
    "unaligned_checkpoint_enabled": True,
    # A job that was cancelled can resume from its last checkpoint. The cluster's own setting does
    # not apply to jobs of a job server.
    "externalized_checkpoints_enabled": True,
    "retain_externalized_checkpoints_on_cancellation": True,
}
"""Defaults of Beam's options for a stream on Flink."""

OTHER_BUNDLE_MS = 100
"""Default of `max_bundle_time_mills` with another job server, where each step adds that latency."""


@dataclass(frozen=True)
class FlinkSettings:
    """Flink.

    Attributes:
        savepoint: resume from this savepoint or retained checkpoint; for another local folder, from
            the newest one below it.
        savepoint_dir: folder of the savepoint that Ctrl-C makes.
        checkpointing_interval: time between two checkpoints of a stream, in milliseconds.
        max_bundle_time_mills: maximum duration of a bundle of a stream, in milliseconds.
        max_bundle_size: maximum number of elements (batches of events) in a bundle of a stream.
        flink_home: folder of the job server's log and, for the embedded cluster, checkpoints and
            savepoints.
    """

    savepoint: str | None = option(None, "PATH", shown="start without state")
    savepoint_dir: str | None = option(
        None, "URL", shown="the cluster's setting state.savepoints.dir"
    )
    checkpointing_interval: int | None = option(
        None, "MILLISECONDS", least=1, shown=str(STREAMING["checkpointing_interval"])
    )
    max_bundle_time_mills: int | None = option(
        None,
        "MILLISECONDS",
        least=1,
        shown=f"{STREAMING['max_bundle_time_mills']}; {OTHER_BUNDLE_MS} with another job server "
        "than Rivulet's, where each of about eight steps may add it to the latency",
    )
    max_bundle_size: int | None = option(
        None, "N", least=1, shown=str(STREAMING["max_bundle_size"])
    )
    flink_home: Path = option(Path("rivulet-flink"), "DIR")

    def problems(self) -> list[str]:
        """Errors in the values, one line each."""
        if self.savepoint is None:
            return []
        try:
            find_savepoint(self.savepoint)
        except ValueError as error:
            return [str(error)]
        return []


def find_savepoint(where: str) -> str:
    """The URL of a savepoint or checkpoint: the path itself, or the newest one below it.

    Args:
        where: a URL, or a local path.

    Raises:
        ValueError: no savepoint or checkpoint is in this local folder.
    """
    if "://" in where and not where.startswith("file://"):
        return where
    folder = Path(where.removeprefix("file://").removeprefix("file:"))
    complete = sorted(folder.glob("**/_metadata"), key=_written)
    if (folder / "_metadata").is_file():
        complete = [folder / "_metadata"]
    if not complete:
        raise ValueError(f"--savepoint: there is no complete savepoint or checkpoint in {folder}")
    return complete[-1].parent.resolve().as_uri()


def _written(path: Path) -> float:
    """When a file was written; 0 if it was removed, as a running job removes old checkpoints."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
