"""From --model to what workers load."""

from __future__ import annotations

from pathlib import Path

from apache_beam.options.pipeline_options import PipelineOptions

from inference import packaged_model
from inference.handler import RankerSource
from inference.model_dir import ModelError, load_policy
from inference.source import NoPolicy, PolicySource
from pipelines.options import ModelOptions


def model_source(options: PipelineOptions) -> RankerSource:
    """The models that the options name; they are looked at here, before the job starts.

    Raises:
        ModelError: a directory holds no model that can be used.
    """
    chosen = options.view_as(ModelOptions).model or [str(packaged_model())]
    if chosen == ["none"]:
        return NoPolicy()
    if len(chosen) > 1:
        raise ModelError("--model is given several times: one model is served at a time")
    directory = str(Path(chosen[0]).resolve())
    load_policy(Path(directory))
    return PolicySource(directory)
