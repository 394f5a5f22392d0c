"""From --model to what workers load."""

from __future__ import annotations

from inference import packaged_model
from inference.models.choices import parse_models
from inference.models.current import current_directory
from inference.models.files import ModelError
from inference.models.info import read_info
from inference.models.no_policy import NoPolicy
from inference.models.ranker import RankerSource
from inference.models.registry import RegistrySource
from pipelines.options import ModelSettings, RecommendSettings
from rivulet.limits import MIN_HISTORY
from transforms.messages.id_kinds import INTEGERS, IdKinds


def model_source(
    settings: ModelSettings, unused: tuple[int, ...] = (), ids: IdKinds = INTEGERS
) -> RankerSource:
    """The models that the settings name; those are loaded here once, before the job starts.

    The model that comes with Rivulet is known to be sound and is not loaded here, so that a job
    begins to read before it imports PyTorch. It knows integers alone: where ids are text and no
    model is named, all users get popular items.

    Args:
        settings: which models.
        unused: places of those that rank for nobody.
        ids: the kinds of the job's ids.

    Raises:
        ModelError: a directory holds no model that can be used.
    """
    if unused and len(unused) == max(1, len(settings.model)):
        return NoPolicy()
    if settings.model == ("none",) or (ids.any_text and not settings.model):
        return NoPolicy()
    if not settings.model:
        return RegistrySource(parse_models([str(packaged_model())]))
    try:
        source = RegistrySource(
            parse_models(settings.model), limit=settings.max_model_bytes, unused=unused, ids=ids
        )
    except ValueError as error:
        raise ModelError(f"--model: {error}") from error
    source.load()
    return source


def min_history_of(
    recommend: RecommendSettings, models: ModelSettings, ids: IdKinds = INTEGERS
) -> int:
    """Events in a history from which on the policy ranks.

    It is what the option says, else the most that a model's model.json says, else MIN_HISTORY; not
    more than a history has.

    Raises:
        ModelError: a directory holds no model.
    """
    if recommend.min_history is not None:
        return recommend.min_history
    if models.model == ("none",) or (ids.any_text and not models.model):
        return min(MIN_HISTORY, recommend.history_size)
    try:
        choices = parse_models(models.model or [str(packaged_model())])
    except ValueError as error:
        raise ModelError(f"--model: {error}") from error
    infos = [read_info(current_directory(choice.directory)) for choice in choices]
    known = [info.min_history for info in infos if info.min_history is not None]
    return min(max(known, default=MIN_HISTORY), recommend.history_size)
