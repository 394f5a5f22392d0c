"""Options for Flink, and what is set where the user set nothing."""

from __future__ import annotations

import argparse
import math
import uuid
from pathlib import Path

from apache_beam.options.pipeline_options import (
    FlinkRunnerOptions,
    GoogleCloudOptions,
    PipelineOptions,
    PortableOptions,
    StandardOptions,
)

from pipelines.flink import rest
from pipelines.flink.job_server import is_job_server_patched
from pipelines.flink.job_server.process import EMBEDDED

LOCAL = "[local]"
POOL = "localhost:50000"
"""Where each task manager finds its worker pool (`deploy up flink` and the container files)."""

STREAMING = {
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
OTHER_BUNDLE_MS = 100
"""`max_bundle_time_mills` with a job server of another's, at each of whose steps it does wait."""
EMBEDDED_RETRIES = 3
"""An embedded cluster is for trying: a fault that comes again and again is told, not endured."""


class FlinkOptions(PipelineOptions):
    """How the job runs on Flink."""

    @classmethod
    def _add_argparse_args(cls, parser: argparse.ArgumentParser) -> None:
        add = parser.add_argument
        add("--savepoint", default=None, metavar="PATH",
            help="resume from this savepoint or retained checkpoint; of a local folder that is "
            "none itself, the newest one below it (default: begin anew)")  # fmt: skip
        add("--savepoint_dir", default=None, metavar="URL",
            help="where Ctrl-C puts its savepoint (default: where the cluster's settings "
            "say)")  # fmt: skip
        add("--checkpointing_interval", type=int, default=None, metavar="MILLISECONDS",
            help="time between two checkpoints of a stream "
            f"(default: {STREAMING['checkpointing_interval']})")  # fmt: skip
        add("--max_bundle_time_mills", type=int, default=None, metavar="MILLISECONDS",
            help="a bundle of a stream ends after this time at the latest (default: "
            f"{STREAMING['max_bundle_time_mills']}; with Beam's own job server, where each of "
            f"about eight steps may add it to the latency, {OTHER_BUNDLE_MS})")  # fmt: skip
        add("--max_bundle_size", type=int, default=None, metavar="N",
            help="elements (batches of events) of a bundle of a stream, at the most "
            f"(default: {STREAMING['max_bundle_size']})")  # fmt: skip
        add("--flink_home", default="rivulet-flink", metavar="DIR",
            help="folder of the job server's log and, of the embedded cluster, checkpoints and "
            "savepoints (default: %(default)s)")  # fmt: skip
        # Beam's own names, of which Python learns from the job server only.
        add("--savepoint_path", default=None, help=argparse.SUPPRESS)
        for hidden in ("min_pause_between_checkpoints", "number_of_execution_retries"):
            add(f"--{hidden}", type=int, default=None, help=argparse.SUPPRESS)
        for hidden in (
            "finish_bundle_before_checkpointing",
            "unaligned_checkpoint_enabled",
            "externalized_checkpoints_enabled",
            "retain_externalized_checkpoints_on_cancellation",
            "faster_copy",
        ):
            add(f"--{hidden}", action="store_true", default=None, help=argparse.SUPPRESS)

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
        raise ValueError(f"--savepoint: there is no whole savepoint or checkpoint in {folder}")
    return whole[-1].parent.resolve().as_uri()


def set_defaults(options: PipelineOptions) -> None:
    """Sets what the user did not, for a job on Flink.

    Args:
        options: all options; `streaming` is settled.
    """
    flink = options.view_as(FlinkOptions)
    runner = options.view_as(FlinkRunnerOptions)
    cloud = options.view_as(GoogleCloudOptions)
    cloud.job_name = cloud.job_name or f"rivulet-{uuid.uuid4().hex[:8]}"
    if runner.flink_master in EMBEDDED:
        runner.flink_master = LOCAL
    if options.view_as(StandardOptions).streaming:
        if flink.max_bundle_time_mills is None and not _is_our_job_server(runner):
            flink.max_bundle_time_mills = OTHER_BUNDLE_MS
        for name, value in STREAMING.items():
            if getattr(flink, name) is None:
                setattr(flink, name, value)
        if runner.flink_master == LOCAL and flink.number_of_execution_retries is None:
            flink.number_of_execution_retries = EMBEDDED_RETRIES
    if flink.faster_copy is None:
        flink.faster_copy = True
    if flink.savepoint:
        flink.savepoint_path = find_savepoint(flink.savepoint)
    workers = options.view_as(PortableOptions)
    if runner.flink_master == LOCAL:
        workers.environment_type = workers.environment_type or "LOOPBACK"
        runner.parallelism = max(runner.parallelism, 1)
        return
    if not workers.environment_type:
        workers.environment_type, workers.environment_config = "EXTERNAL", POOL
    _share_cluster(options)


def _is_our_job_server(runner: FlinkRunnerOptions) -> bool:
    return not runner.flink_job_server_jar and is_job_server_patched()


def _share_cluster(options: PipelineOptions) -> None:
    """As many Python processes as slots that the job takes.

    Raises:
        OSError: the cluster does not answer.
    """
    runner, workers = options.view_as(FlinkRunnerOptions), options.view_as(PortableOptions)
    if not runner.flink_master.startswith("http"):
        runner.flink_master = f"http://{runner.flink_master}"
    runner.flink_master = runner.flink_master.rstrip("/")
    there = rest.get(runner.flink_master, "/overview")
    if runner.parallelism < 1:
        runner.parallelism = max(there["slots-available"], 1)
    if int(workers.sdk_worker_parallelism) == 1:
        managers = max(there["taskmanagers"], 1)
        workers.sdk_worker_parallelism = math.ceil(runner.parallelism / managers)
