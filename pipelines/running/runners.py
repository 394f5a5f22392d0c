"""From --runner to a runner."""

from __future__ import annotations

import shutil
import sys
from typing import Any

from apache_beam.options.pipeline_options import (
    PipelineOptions,
    PrismRunnerOptions,
    StandardOptions,
)
from apache_beam.runners.runner import PipelineRunner, create_runner

from pipelines.flink.options import FlinkSettings
from pipelines.running.command_line import JobOptions
from pipelines.running.errors import RunnerError


def runner_name(options: PipelineOptions) -> str:
    """The runner's name in small letters."""
    return (options.view_as(StandardOptions).runner or "DirectRunner").lower()


def make_runner(job: JobOptions, bounded: bool, files: bool = True) -> PipelineRunner:
    """The runner that the options name.

    Args:
        job: the options of the pipeline; what the runner needs is set in those of Beam.
        bounded: the input ends.
        files: the input is files: nothing of it is late, so that it can be run as a batch.

    Raises:
        RunnerError: the runner cannot run this input, or is not here.
    """
    options = job.beam
    standard = options.view_as(StandardOptions)
    name = runner_name(options)
    if name == "render":
        from pipelines.running.drawing import drawing_runner

        return drawing_runner(options)
    if name == "directrunner":
        if not bounded:
            raise RunnerError(
                "the DirectRunner runs to the end of its input, and Kafka has none: give "
                "--kafka_stop_at=latest, or --runner=PrismRunner or FlinkRunner"
            )
        return _fn_api_runner(options)
    standard.streaming = standard.streaming or not files
    if name == "flinkrunner":
        from pipelines.flink.runner import RivuletFlinkRunner

        return RivuletFlinkRunner(options, job.settings[FlinkSettings])
    if name == "prismrunner":
        _find_prism(options)
    try:
        return create_runner(standard.runner)
    except (ValueError, ImportError, AttributeError) as error:
        raise RunnerError(f"--runner={standard.runner}: {error}") from error


def _fn_api_runner(options: PipelineOptions) -> Any:
    """Beam's own local runner for bounded input.

    Beam's DirectRunner would first look for Prism on the network; this is what it ends with.
    """
    from apache_beam.portability.api import beam_provision_api_pb2
    from apache_beam.runners.portability.fn_api_runner import fn_runner, worker_handlers
    from apache_beam.runners.portability.portable_runner import JobServiceHandle

    # Beam has this cache "for testing". To know a value's size it walks over the globals of all
    # modules: 5 ms a value, for state that lies in this process anyway.
    worker_handlers.STATE_CACHE_SIZE_MB = 0
    encoded = JobServiceHandle.encode_pipeline_options(options.get_all_options())
    info = beam_provision_api_pb2.ProvisionInfo(pipeline_options=encoded)
    return fn_runner.FnApiRunner(provision_info=fn_runner.ExtendedProvisionInfo(info))


def _find_prism(options: PipelineOptions) -> None:
    """Names the Prism that was built here, or builds it; else Beam downloads its own.

    Raises:
        RunnerError: it cannot be had.
    """
    from apache_beam.runners.portability.prism_runner import PrismJobServer

    from pipelines.running import prism
    from rivulet.system.programs import ProgramError

    chosen = options.view_as(PrismRunnerOptions)
    if chosen.prism_location:
        return
    found = prism.binary()
    try:
        if found is None and shutil.which("go"):
            print("Building Prism with Go (once; a minute or two) ...", file=sys.stderr)
            found = prism.build()
        if found is None:
            PrismJobServer(options).path_to_binary()
            return
    except (ProgramError, RuntimeError, OSError, ValueError) as error:
        why = str(error).splitlines()[-1][:200]
        raise RunnerError(
            f"Prism is not here ({why}): run `python -m deploy up prism`, which needs Go, or give "
            "--prism_location=FILE"
        ) from error
    chosen.prism_location = str(found)
