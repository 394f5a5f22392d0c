"""From --runner to a runner."""

from __future__ import annotations

from typing import Any

from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions
from apache_beam.runners.runner import PipelineRunner, create_runner

RENDER = "apache_beam.runners.render.RenderRunner"


class RunnerError(ValueError):
    """The runner cannot do what was asked: one line that says why and what to do."""


def make_runner(options: PipelineOptions, bounded: bool) -> PipelineRunner:
    """The runner that the options name.

    Args:
        options: all options of the pipeline.
        bounded: the input ends.

    Raises:
        RunnerError: the runner cannot run this input.
    """
    standard = options.view_as(StandardOptions)
    name = standard.runner or "DirectRunner"
    if name.lower() == "render":
        return create_runner(RENDER)
    if name.lower() == "directrunner":
        if not bounded:
            raise RunnerError(
                "the DirectRunner runs to the end of its input, and Kafka has none: give "
                "--kafka_stop_at=latest, or --runner=PrismRunner or FlinkRunner"
            )
        return _fn_api_runner(options)
    standard.streaming = standard.streaming or not bounded
    return create_runner(name)


def _fn_api_runner(options: PipelineOptions) -> Any:
    """Beam's own local runner for bounded input.

    Beam's DirectRunner would first look for Prism on the network; this is what it ends with.
    """
    from apache_beam.portability.api import beam_provision_api_pb2
    from apache_beam.runners.portability.fn_api_runner import fn_runner
    from apache_beam.runners.portability.portable_runner import JobServiceHandle

    encoded = JobServiceHandle.encode_pipeline_options(options.get_all_options())
    info = beam_provision_api_pb2.ProvisionInfo(pipeline_options=encoded)
    return fn_runner.FnApiRunner(provision_info=fn_runner.ExtendedProvisionInfo(info))
