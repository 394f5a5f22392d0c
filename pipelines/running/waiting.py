"""Runs a pipeline to its end, with progress, and answers Ctrl-C."""

from __future__ import annotations

from typing import TYPE_CHECKING

import apache_beam as beam
from apache_beam.options.pipeline_options import StandardOptions
from apache_beam.runners.runner import PipelineResult, PipelineRunner

from pipelines.flink.options import FlinkSettings
from pipelines.running.command_line import JobOptions
from pipelines.running.errors import RunnerError
from pipelines.running.progress import Progress
from transforms.progress import ProgressCounters

if TYPE_CHECKING:
    from pipelines.flink.runner import RivuletFlinkRunner

RESUME = "Resume with --savepoint={}"


def run_to_end(
    pipeline: beam.Pipeline,
    runner: PipelineRunner,
    options: JobOptions,
    bounded: bool,
    counters: ProgressCounters,
) -> tuple[PipelineResult | None, list[str]]:
    """Runs a pipeline.

    Args:
        pipeline: the whole graph.
        runner: its runner.
        options: all options of the pipeline.
        bounded: the input ends.
        counters: the job's progress counters.

    Returns:
        The result, None where there is nothing to sum up; and lines to show at the end.

    Raises:
        RuntimeError: the job failed.
        KeyboardInterrupt: Ctrl-C, and the job ended with it.
    """
    from pipelines.flink.runner import RivuletFlinkRunner

    if isinstance(runner, RivuletFlinkRunner):
        return _on_flink(pipeline, runner, options, bounded, counters)
    with Progress(counters):
        result = pipeline.run()
        result.wait_until_finish()
    return result, []


def _on_flink(
    pipeline: beam.Pipeline,
    runner: RivuletFlinkRunner,
    options: JobOptions,
    bounded: bool,
    counters: ProgressCounters,
) -> tuple[PipelineResult | None, list[str]]:
    from pipelines.flink.watch import FlinkWatch

    streaming = bool(options.beam.view_as(StandardOptions).streaming)
    watch = FlinkWatch(runner, streaming, options.settings[FlinkSettings], bounded, counters)
    result: PipelineResult | None = None
    try:
        try:
            with watch.progress() as progress:
                result = pipeline.run()
                watch.wait(result, progress)
            return result, []
        except KeyboardInterrupt:
            if result is None:
                raise
            savepoint = watch.interrupted(result)
    except OSError as error:
        raise RunnerError(f"Flink: {error}; see {runner.log}") from error
    if savepoint is not None:
        return result, [RESUME.format(savepoint)]
    if watch.left_running:
        return None, [f"The job continues: {watch.job.page}"]
    raise KeyboardInterrupt
