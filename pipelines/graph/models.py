"""From --model to what workers load."""

from __future__ import annotations

from inference import packaged_model
from inference.models.choices import parse_models
from inference.models.files import ModelError
from inference.models.no_policy import NoPolicy
from inference.models.ranker import RankerSource
from inference.models.registry import RegistrySource
from pipelines.options import ModelSettings


def model_source(settings: ModelSettings) -> RankerSource:
    """The models that the settings name; those are loaded here once, before the job starts.

    The model that comes with Rivulet is known to be sound and is not loaded here, so that a job
    begins to read before it imports PyTorch.

    Raises:
        ModelError: a directory holds no model that can be used.
    """
    if not settings.model:
        return RegistrySource(parse_models([str(packaged_model())]))
    if settings.model == ("none",):
        return NoPolicy()
    try:
        source = RegistrySource(parse_models(settings.model))
    except ValueError as error:
        raise ModelError(f"--model: {error}") from error
    source.load()
    return source
