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
    """The models that the settings name; they are looked at here, before the job starts.

    Raises:
        ModelError: a directory holds no model that can be used.
    """
    chosen = list(settings.model) or [str(packaged_model())]
    if chosen == ["none"]:
        return NoPolicy()
    try:
        source = RegistrySource(parse_models(chosen))
    except ValueError as error:
        raise ModelError(f"--model: {error}") from error
    source.load()
    return source
