"""Paths of this machine, made whole for workers that stand in other folders."""

from __future__ import annotations

from pathlib import Path

from apache_beam.options.pipeline_options import PipelineOptions

from sinks.options import SinkOptions
from sources.options import InputOptions


def make_whole(options: PipelineOptions) -> None:
    """Makes the relative paths of dead letters, feedback, models and input absolute.

    (A store in a SQLite file keeps its folder itself: `sinks.sql.store.SqlSource`.)
    """
    sinks = options.view_as(SinkOptions)
    sinks.dead_letters = _whole(sinks.dead_letters)
    source = options.view_as(InputOptions)
    source.input = _whole(source.input)
    everything = options.get_all_options()
    if everything.get("feedback"):
        from pipelines.options import FeedbackOptions

        options.view_as(FeedbackOptions).feedback = _whole(everything["feedback"])
    if everything.get("model"):
        from pipelines.options import ModelOptions

        models = options.view_as(ModelOptions)
        models.model = [_whole_model(model) for model in models.model]


def _whole(path: str) -> str:
    return path if "://" in path else str(Path(path).absolute())


def _whole_model(model: str) -> str:
    if model == "none":
        return model
    name, equals, rest = model.partition("=")
    return f"{name}={_whole(rest)}" if equals else _whole(model)
