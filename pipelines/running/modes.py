"""Options that have no effect together with other options: they are refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.flink.options import FlinkSettings
from pipelines.running.command_line import JobOptions
from pipelines.running.runners import runner_name
from sinks.options import RecommendationSinkSettings
from sources.options import InputSettings, KafkaSettings, is_file_input

if TYPE_CHECKING:
    from collections.abc import Iterator


def problems(options: JobOptions) -> Iterator[str]:
    """What has no effect, a line each."""
    settings = options.settings
    files = is_file_input(settings[InputSettings].input or "")
    if files:
        for name in settings.changed(KafkaSettings):
            yield f"{name} is for a topic, and the input is files"
        if "--archive_delay" in settings.changed(RecommendationSinkSettings):
            yield "--archive_delay is for a stream, and the input is files"
    if runner_name(options.beam) != "flinkrunner":
        for name in settings.changed(FlinkSettings):
            yield f"{name} is for --runner=FlinkRunner"
        return
    from apache_beam.options.pipeline_options import StandardOptions

    if files and not options.beam.view_as(StandardOptions).streaming:
        for name in settings.changed(FlinkSettings):
            if name != "--flink_home":
                yield f"{name} is for a stream, and files are read as a batch"
