"""Beam's FlinkRunner with Rivulet's defaults and its own job server."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import grpc  # type: ignore[import-untyped]
from apache_beam.options.pipeline_options import (
    FlinkRunnerOptions,
    GoogleCloudOptions,
    PipelineOptions,
)
from apache_beam.portability.api import beam_job_api_pb2_grpc
from apache_beam.runners.portability.flink_runner import FlinkJarJobServer, FlinkRunner
from apache_beam.runners.portability.job_server import JobServer

from pipelines.flink.defaults import LOCAL, set_defaults
from pipelines.flink.job import FlinkJob
from pipelines.flink.job_server import build_job_server, job_server_jar
from pipelines.flink.job_server.process import JobServerProcess
from pipelines.flink.options import FlinkSettings, find_savepoint
from pipelines.running.errors import RunnerError
from rivulet.system.programs import ProgramError, find_program

HOW = (
    "run `python -m deploy up flink-job-server`, which needs Java 17 and Maven, or give "
    "--flink_job_server_jar=JAR"
)


class RivuletFlinkRunner(FlinkRunner):
    """Beam's FlinkRunner with our defaults and our job server.

    Args:
        options: Beam's options; those for Flink that have no value are set here.
        chosen: the settings for Flink.

    Raises:
        RunnerError: there is no job server, or the cluster does not answer.
    """

    def __init__(self, options: PipelineOptions, chosen: FlinkSettings) -> None:
        super().__init__()
        runner = options.view_as(FlinkRunnerOptions)
        try:
            set_defaults(options, chosen)
        except OSError as error:
            raise RunnerError(
                f"no Flink cluster answers at {runner.flink_master} ({error}): start one with "
                "`python -m deploy up flink`, or give its web address as --flink_master=HOST:PORT"
            ) from error
        self.is_embedded = runner.flink_master == LOCAL
        savepoint = find_savepoint(chosen.savepoint) if chosen.savepoint else None
        self._process = JobServerProcess(
            find_jar(options), runner.flink_master, chosen.flink_home, savepoint
        )
        self._name = str(options.view_as(GoogleCloudOptions).job_name)

    @property
    def log(self) -> Path:
        """The job server's log."""
        return self._process.log

    @property
    def savepoints(self) -> Path:
        """The folder of an embedded cluster's savepoints."""
        return self._process.savepoints

    def default_job_server(self, options: PipelineOptions) -> JobServer:
        """The job server's process, which does not receive Ctrl-C."""
        del options
        return _Started(self._process)

    def job(self) -> FlinkJob:
        """The job, which must have been submitted."""
        return FlinkJob(self._process.web, self._name)


class _Started(JobServer):
    def __init__(self, process: JobServerProcess) -> None:
        self._process = process

    def start(self) -> Any:
        try:
            address = self._process.start()
        except ProgramError as error:
            raise RunnerError(str(error)) from error
        return beam_job_api_pb2_grpc.JobServiceStub(grpc.insecure_channel(address))

    def stop(self) -> None:
        self._process.stop()


def find_jar(options: PipelineOptions) -> Path:
    """The job server's jar: the given one, or ours (built if necessary), or Beam's own.

    Raises:
        RunnerError: none of these is available; the text says what to run.
    """
    runner = options.view_as(FlinkRunnerOptions)
    if not runner.flink_job_server_jar:
        built = job_server_jar()
        if built is not None:
            return built
        if find_program("mvn") and find_program("java"):
            print("Building Flink's job server (once; 150 MB from Maven) ...", file=sys.stderr)
            try:
                return build_job_server()
            except ProgramError as error:
                last = str(error).splitlines()[-1]
                raise RunnerError(f"Flink's job server cannot be built ({last}): {HOW}") from error
    server = FlinkJarJobServer(options)
    try:
        return Path(server.local_jar(server.path_to_jar()))
    except Exception as error:  # Beam's download has no error class of its own.
        why = str(error).splitlines()[0][:200]
        raise RunnerError(
            f"Flink's job server is missing and cannot be downloaded ({why}): {HOW}"
        ) from error
