"""A job's pipeline while it is being built: its settings, its events, its dead letters."""

from __future__ import annotations

import dataclasses
import time
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import apache_beam as beam

from pipelines.graph.recommend_config import RecommendConfig
from pipelines.options import (
    ExploreSettings,
    FeedbackSettings,
    ModelSettings,
    NewItemSettings,
    PopularSettings,
    RecommendSettings,
    ShardSettings,
    pane_seconds_of,
)
from pipelines.value_options import ValueSettings
from rivulet.configuration import Configuration
from rivulet.urls import public_name
from sinks.base import StoreSource
from sinks.options import (
    PopularSinkSettings,
    RecommendationSinkSettings,
    RecordSinkSettings,
    RetentionSettings,
)
from sinks.write import WriteTo, accepting
from sinks.write_priority import WritePriority
from sources.catalogue.options import CatalogueSettings
from sources.errors import SourceError
from sources.forgotten.options import ForgottenSettings
from sources.options import InputSettings, KafkaSettings
from sources.read import Events
from transforms.catalogue.source import CatalogueSource
from transforms.columns.frames import Frame
from transforms.histories.forgotten import ForgottenSource
from transforms.loaded import loaded
from transforms.messages.behaviors import reward_settings
from transforms.messages.dead_letters import DeadLetterBatch
from transforms.messages.events import Int64s
from transforms.messages.id_kinds import IdKinds
from transforms.messages.job import JOB_SETTINGS, JobSettings
from transforms.progress import ProgressCounters

Output = type[RecordSinkSettings] | type[PopularSinkSettings] | type[RecommendationSinkSettings]
OUTPUTS: tuple[Output, ...] = (RecordSinkSettings, PopularSinkSettings, RecommendationSinkSettings)


def new_progress(name: str) -> ProgressCounters:
    """Counters that no other job of this process has."""
    return ProgressCounters(f"{name}-{uuid.uuid4().hex[:12]}")


@dataclass
class JobGraph:
    """A job's pipeline while it is being built.

    Attributes:
        settings: the job's settings.
        events: what the source gives.
        progress: the job's counters.
        run: start of the job, in milliseconds since the epoch.
        dead_letters: the collections of dead letters so far.
        ranks: whether a model ranks.
    """

    settings: Configuration
    events: Events
    progress: ProgressCounters
    run: int = field(default_factory=lambda: int(time.time() * 1000))
    dead_letters: list[beam.PCollection[DeadLetterBatch]] = field(default_factory=list)
    ranks: bool = True

    def __post_init__(self) -> None:
        self.dead_letters.append(self.events.malformed)

    @property
    def ids(self) -> IdKinds:
        """The kinds of the input's ids."""
        return self.events.ids

    @property
    def bounded(self) -> bool:
        """Whether the input is files, whose watermark advances once at the end."""
        return self.events.is_bounded_files

    @property
    def input_name(self) -> str:
        """The input without secrets."""
        return public_name(str(self.settings[InputSettings].input))

    @property
    def shards(self) -> int:
        """Shards among which the users are divided."""
        return self.settings[ShardSettings].shards

    @property
    def pane(self) -> int:
        """Seconds on whose multiples closed blocks begin and end."""
        if RecommendSettings in self.settings:
            return self.recommend_config.pane
        return pane_seconds_of(self.settings)

    @property
    def allowed_lateness(self) -> int:
        """Seconds of event time after a pane's end for which late events are received."""
        return self.settings[KafkaSettings].allowed_lateness

    @property
    def catalogue(self) -> CatalogueSource | None:
        """Where workers load the catalogue from; None where there is none.

        Raises:
            SourceError: `--items` cannot be used.
        """
        if CatalogueSettings not in self.settings:
            return None
        settings = self.settings
        seconds = settings[NewItemSettings].seconds if NewItemSettings in settings else 0
        source: CatalogueSource | None = settings[CatalogueSettings].source(
            settings[InputSettings], settings[KafkaSettings], -(-self.run // 1000), seconds
        )
        if source is not None:
            # What cannot be used is refused before the job starts.
            view = loaded(source)
            if seconds and len(view.at(-(-self.run // 1000)).ids) and not view.has_features:
                raise SourceError(
                    "--new_items: no item of --items has both a category and a time of creation "
                    "(columns category and created)"
                )
        return source

    @property
    def forgotten(self) -> ForgottenSource | None:
        """Where workers load the users to forget from; None where nobody is forgotten.

        Raises:
            SourceError: `--forget` cannot be used.
        """
        if ForgottenSettings not in self.settings:
            return None
        settings = self.settings
        source: ForgottenSource | None = settings[ForgottenSettings].source(
            settings[InputSettings], settings[KafkaSettings]
        )
        if source is not None:
            # What cannot be used is refused before the job starts.
            loaded(source)
        return source

    @property
    def catalogue_items(self) -> Int64s | None:
        """The items that the catalogue has now; None without a catalogue."""
        source = self.catalogue
        if source is None:
            return None
        return loaded(source).at(-(-self.run // 1000)).ids

    @property
    def recommend_config(self) -> RecommendConfig:
        """How users get recommendations."""
        feedback = self.settings[FeedbackSettings]
        return RecommendConfig(
            popular=self.settings[PopularSettings],
            recommend=self.settings[RecommendSettings],
            model=self.settings[ModelSettings],
            reward_window=feedback.reward_window,
            rewards=self.settings[InputSettings].rewards(),
            value=self.settings[ValueSettings].weight,
            keep_feedback=feedback.feedback is not None,
            shards=self.shards,
            bounded=self.bounded,
            allowed_lateness=self.allowed_lateness,
            serve=self.serves_first,
            catalogue=self.catalogue,
            explore=self.settings[ExploreSettings],
            new_items=self.settings[NewItemSettings],
            ids=self.ids,
            forgotten=self.forgotten,
        )

    @property
    def job_settings(self) -> JobSettings:
        """What readers of the stores have to know of the job."""
        found: dict[str, Any] = {}
        for concern in self.settings:
            own = (name for name in JOB_SETTINGS if hasattr(concern, name))
            found |= {name: getattr(concern, name) for name in own}
        if RecommendSettings in self.settings:
            found["min_history"] = self.recommend_config.min_history
            found["repeat_consumed"] = int(found["repeat_consumed"])
            found["models"] = int(self.ranks) * max(1, len(self.settings[ModelSettings].model))
            explore = self.settings[ExploreSettings]
            if explore.exploration is not None:
                found |= dataclasses.asdict(explore)
            found |= reward_settings(self.recommend_config.rewards)
            weight = self.recommend_config.value
            found |= weight.settings() if weight else {}
        if self.catalogue is not None:
            found["catalogue"] = 1
        if FeedbackSettings in self.settings and self.settings[FeedbackSettings].impressions:
            found["impressions"] = 1
        return JobSettings(
            self.run,
            {name: value for name, value in found.items() if value is not None}
            | self.ids.settings(),
        )

    def stores(self, output: Output) -> list[StoreSource]:
        """The stores of an output; none where the job has no such output."""
        if output not in self.settings:
            return []
        latest = self.settings[InputSettings].max_future
        sources = self.settings[output].sources(latest, self.settings[RetentionSettings])
        fields = self.settings[InputSettings].record_fields()
        return [source.with_ids(self.ids).with_fields(fields) for source in sources]

    def all_stores(self) -> list[StoreSource]:
        """The stores of all outputs, each once."""
        return list(dict.fromkeys(store for output in OUTPUTS for store in self.stores(output)))

    @property
    def serves_first(self) -> bool:
        """Whether recommendations are written to serving stores before all else: in a stream."""
        stores = self.stores(RecommendationSinkSettings)
        return not self.bounded and any(store.serves_online for store in stores)

    def write(
        self,
        label: str,
        rows: beam.PCollection[Frame],
        frame_type: type[Frame],
        stores: Sequence[StoreSource],
        priority: WritePriority = WritePriority.NONE,
        delay: int = 0,
    ) -> None:
        """Writes frames to those of the stores that have a place for them.

        Args:
            label: the step's name.
            rows: the frames.
            frame_type: their type.
            stores: the stores.
            priority: which writes wait for which.
            delay: seconds of event time by which the watermark is past a row's time first.
        """
        chosen = accepting(stores, frame_type)
        if not chosen:
            return
        write = WriteTo(
            chosen, frame_type, priority=priority, delay=delay, shards=self.shards,
            progress=self.progress,
        )  # fmt: skip
        self.dead_letters.append(rows | label >> write)

    def flattened(
        self, label: str, parts: Iterable[beam.PCollection[Any] | None]
    ) -> beam.PCollection[Any]:
        """One collection of those that are there."""
        found = [part for part in parts if part is not None]
        return found[0] if len(found) == 1 else tuple(found) | label >> beam.Flatten()
