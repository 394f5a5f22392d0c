"""Defaults of Beam's options for a job on Flink."""

from __future__ import annotations

import argparse
import math
import uuid

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
from pipelines.flink.options import OTHER_BUNDLE_MS, STREAMING, FlinkSettings, find_savepoint

LOCAL = "[local]"
POOL = "localhost:50000"
"""The worker pool beside each task manager (`python -m deploy up flink`, and the containers)."""

EMBEDDED_RETRIES = 3
"""Restarts of a job on the embedded cluster before an error ends it."""

_NUMBERS = (
    "checkpointing_interval", "min_pause_between_checkpoints", "max_bundle_size",
    "max_bundle_time_mills", "number_of_execution_retries",
)  # fmt: skip
_FLAGS = (
    "finish_bundle_before_checkpointing", "unaligned_checkpoint_enabled",
    "externalized_checkpoints_enabled", "retain_externalized_checkpoints_on_cancellation",
    "faster_copy",
)  # fmt: skip


class JobServerOptions(PipelineOptions):
    """Beam's options that are declared only by the job server, in Java."""

    @classmethod
    def _add_argparse_args(cls, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--savepoint_path", default=None)
        for name in _NUMBERS:
            parser.add_argument(f"--{name}", type=int, default=None)
        for name in _FLAGS:
            parser.add_argument(f"--{name}", action="store_true", default=None)


def is_embedded(options: PipelineOptions) -> bool:
    """Whether the job runs on a cluster inside the job server."""
    return options.view_as(FlinkRunnerOptions).flink_master in EMBEDDED


def set_defaults(options: PipelineOptions, chosen: FlinkSettings) -> None:
    """Sets Beam's options for a job on Flink.

    Args:
        options: Beam's options, with `streaming` set; options that the user gave do not change.
        chosen: the settings for Flink.

    Raises:
        OSError: the cluster does not answer.
    """
    runner = options.view_as(FlinkRunnerOptions)
    cloud = options.view_as(GoogleCloudOptions)
    server = options.view_as(JobServerOptions)
    cloud.job_name = cloud.job_name or f"rivulet-{uuid.uuid4().hex[:8]}"
    if is_embedded(options):
        runner.flink_master = LOCAL
    for name in ("checkpointing_interval", "max_bundle_time_mills", "max_bundle_size"):
        setattr(server, name, getattr(chosen, name))
    if options.view_as(StandardOptions).streaming:
        if server.max_bundle_time_mills is None and not _is_our_job_server(runner):
            server.max_bundle_time_mills = OTHER_BUNDLE_MS
        for name, value in STREAMING.items():
            if getattr(server, name) is None:
                setattr(server, name, value)
        if runner.flink_master == LOCAL and server.number_of_execution_retries is None:
            server.number_of_execution_retries = EMBEDDED_RETRIES
    if server.faster_copy is None:
        server.faster_copy = True
    # The embedded cluster reads the savepoint from its configuration (`JobServerProcess`).
    if chosen.savepoint and runner.flink_master != LOCAL:
        server.savepoint_path = find_savepoint(chosen.savepoint)
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
    """Sets the parallelism, and as many Python processes as slots.

    Raises:
        OSError: the cluster does not answer.
    """
    runner, workers = options.view_as(FlinkRunnerOptions), options.view_as(PortableOptions)
    if not runner.flink_master.startswith("http"):
        runner.flink_master = f"http://{runner.flink_master}"
    runner.flink_master = runner.flink_master.rstrip("/")
    overview = rest.get(runner.flink_master, "/overview")
    if runner.parallelism < 1:
        runner.parallelism = max(overview["slots-available"], 1)
    if int(workers.sdk_worker_parallelism) == 1:
        managers = max(overview["taskmanagers"], 1)
        workers.sdk_worker_parallelism = math.ceil(runner.parallelism / managers)
