"""Options that cannot work, or have no effect, together with others: they are refused."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.flink.options import FlinkSettings
from pipelines.options import (
    ExploreSettings,
    FeedbackSettings,
    ModelSettings,
    NewItemSettings,
    RecommendSettings,
    pane_seconds_of,
)
from pipelines.related_options import RelatedSettings
from pipelines.running.command_line import JobOptions
from pipelines.running.runners import runner_name
from pipelines.value_options import weighs_values
from rivulet.configuration import Configuration
from rivulet.urls import public_name
from sinks.options import (
    DEFAULT_STORE,
    NOWHERE,
    DeadLetterSettings,
    PopularSinkSettings,
    RecommendationSinkSettings,
    RecordSinkSettings,
    RetentionSettings,
    chosen_urls,
)
from sources.catalogue.options import CatalogueSettings
from sources.options import InputSettings, KafkaSettings, is_file_input

if TYPE_CHECKING:
    from collections.abc import Iterator


def problems(options: JobOptions) -> Iterator[str]:
    """What cannot work or has no effect, a line each."""
    settings = options.settings
    yield from _unwritable(settings)
    letters = settings[DeadLetterSettings]
    if "://" in letters.dead_letters:
        for name in sorted(settings.changed(DeadLetterSettings)):
            if name in ("--dead_letters_max", "--dead_letters_keep"):
                yield (
                    f"{name} is for a file: the folder {public_name(letters.dead_letters)} gets a "
                    "file for each bundle, of which none is deleted; give it a lifecycle rule"
                )
    if ExploreSettings in settings:
        count = settings[RecommendSettings].recommendations
        explore, model = settings[ExploreSettings], settings[ModelSettings].model
        yield from explore.conflicts(count, model)
        items = settings[CatalogueSettings].items is not None
        yield from settings[NewItemSettings].conflicts(count, model, explore, items=items)
    if RelatedSettings in settings:
        related = settings[RelatedSettings]
        changed = settings.changed(RelatedSettings)
        yield from related.conflicts(changed, pane_seconds_of(settings))
    if weighs_values(settings) and not settings[InputSettings].record_fields().value:
        yield "--reward_value needs events with values: give --schema with fields.value"
    yield from _kept_nowhere(settings)
    files = is_file_input(settings[InputSettings].input or "")
    if files:
        for name in settings.changed(KafkaSettings):
            yield f"{name} is for a topic, and the input is files"
        if FeedbackSettings in settings and "--feedback_window" in settings.changed(
            FeedbackSettings
        ):
            yield "--feedback_window is for a stream, and the input is files"
        if "--archive_delay" in settings.changed(RecommendationSinkSettings):
            yield "--archive_delay is for a stream, and the input is files"
    if runner_name(options.beam) != "flinkrunner":
        for name in settings.changed(FlinkSettings):
            yield f"{name} is for --runner=FlinkRunner"
        if settings[KafkaSettings].reset_watermark:
            yield "--reset_watermark is for a job that is resumed with --savepoint"
        return
    if settings[KafkaSettings].reset_watermark and not settings[FlinkSettings].savepoint:
        yield "--reset_watermark is for a job that is resumed with --savepoint"
    from apache_beam.options.pipeline_options import StandardOptions

    if files and not options.beam.view_as(StandardOptions).streaming:
        for name in settings.changed(FlinkSettings):
            if name != "--flink_home":
                yield f"{name} is for a stream, and files are read as a batch"


def _kept_nowhere(settings: Configuration) -> Iterator[str]:
    """A retention of a store that the job does not write to."""
    outputs = (RecordSinkSettings, PopularSinkSettings, RecommendationSinkSettings)
    stores = {
        url
        for concern in settings
        if isinstance(concern, outputs)
        for url in chosen_urls(concern.urls)
    }
    for retention in settings[RetentionSettings].retention:
        if retention.url is not None and retention.url not in stores:
            yield f"--retention {public_name(retention.url)}: the job does not write to this store"
        elif not stores:
            yield "--retention has no effect without a store"


def _unwritable(settings: Configuration) -> Iterator[str]:
    """Folders of local results that are read-only or missing."""
    results: dict[str, tuple[str, ...]] = {
        "--dead_letters": (settings[DeadLetterSettings].dead_letters,)
    }
    for concern in settings:
        if isinstance(concern, RecordSinkSettings):
            results["--record_sink"] = concern.record_sink or (DEFAULT_STORE,)
        if isinstance(concern, PopularSinkSettings):
            results["--popular_sink"] = concern.popular_sink or (DEFAULT_STORE,)
        if isinstance(concern, RecommendationSinkSettings):
            results["--recommendation_sink"] = concern.recommendation_sink or (DEFAULT_STORE,)
    for option, places in results.items():
        for place in places:
            path = place.removeprefix("sqlite:///").partition("?")[0]
            if "://" in path or path == NOWHERE:
                continue
            folder = Path(path).absolute().parent
            if not folder.is_dir():
                yield f"{option}={place}: there is no folder {folder}"
            elif not os.access(folder, os.W_OK):
                yield f"{option}={place}: the folder {folder} is read-only: give another place"
