"""The pipeline's graph: sources, transforms, inference, sinks, in the order of the data's flow.

Labels are stable: a job resumed from a savepoint finds its state by them.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import apache_beam as beam
from apache_beam.metrics import Metrics

from inference.models.ranker import RankerSource
from inference.recommend import SERVED, Recommend, Recommended
from pipelines.graph.job_metrics import WriteJobMetrics
from pipelines.graph.models import model_source
from pipelines.options import (
    FeedbackSettings,
    ModelSettings,
    PopularSettings,
    RecommendSettings,
    ShardSettings,
    pane_seconds_of,
)
from rivulet.configuration import Configuration
from rivulet.urls import public_name
from sinks.base import StoreSource, WorkerCounts
from sinks.files.dead_letters import WriteDeadLetters
from sinks.files.feedback_log import WriteFeedback
from sinks.options import (
    DeadLetterSettings,
    PopularSinkSettings,
    RecommendationSinkSettings,
    RecordSinkSettings,
)
from sinks.write import WriteTo, accepting
from sinks.write_priority import AnnounceDeadline, WritePriority, begin_urgent
from sources.options import InputSettings, KafkaSettings
from sources.read import Events, ReadEvents
from transforms.columns.frames import Frame
from transforms.feedback.reward_recommendations import Rewarded, RewardRecommendations
from transforms.feedback.rules import RewardRules
from transforms.histories.keep_histories import Histories
from transforms.histories.rules import HistoryRules
from transforms.histories.schedule import Schedule
from transforms.messages.dead_letters import DeadLetterBatch
from transforms.messages.events import BEHAVIORS, EventBatch
from transforms.messages.minutes import MINUTE, PolicyMinutes
from transforms.messages.popular import PopularRows
from transforms.messages.ranking import RankedBatch, RankingRequest
from transforms.messages.recommendations import Recommendations
from transforms.progress import SHARED_PROGRESS
from transforms.shards.by_user import PartitionByUser
from transforms.windows.panes import ClosedPanes, ClosePanes
from transforms.windows.popular import PopularItems
from transforms.windows.shard_sums import SumShards

LATE = "late"

Output = RecordSinkSettings | PopularSinkSettings | RecommendationSinkSettings
_NAMES: dict[type[Output], str] = {
    RecordSinkSettings: "record",
    PopularSinkSettings: "popular",
    RecommendationSinkSettings: "recommendation",
}


@dataclass
class Flow:
    """A pipeline while it is being built.

    Attributes:
        settings: the job's settings.
        events: what the source gives.
        letters: the dead letters so far.
    """

    settings: Configuration
    events: Events
    letters: list[beam.PCollection[DeadLetterBatch]] = field(default_factory=list)

    @property
    def block_seconds(self) -> int:
        """Seconds on whose multiples closed blocks begin and end (see `ClosePanes`)."""
        if self.events.is_bounded_files and RecommendSettings in self.settings:
            return self.settings[RecommendSettings].recommend_period
        return pane_seconds_of(self.settings)

    @property
    def shards(self) -> int:
        """Shards among which the users are divided."""
        return self.settings[ShardSettings].shards

    @property
    def serves_first(self) -> bool:
        """Whether recommendations go to the stores that serve them before all else is written."""
        if self.events.is_bounded_files or RecommendationSinkSettings not in self.settings:
            return False
        return any(store.serves_online for store in self.sinks(RecommendationSinkSettings))

    def sinks(self, output: type[Output]) -> list[StoreSource]:
        """The stores of an output."""
        return self.settings[output].sources()


def read(pipeline: beam.Pipeline, settings: Configuration) -> Flow:
    """Events from files or Kafka."""
    source = ReadEvents(settings[InputSettings], settings[KafkaSettings])
    events = pipeline | "Read" >> source
    return Flow(settings, events, [events.malformed])


def record(flow: Flow) -> None:
    """Every event to the record stores: before panes are closed, so that late ones are there."""
    batches = flow.events.events
    if flow.events.late is not None:
        batches = (batches, flow.events.late) | "With late ones" >> beam.Flatten()
    if not flow.events.is_bounded_files:
        # Else a stream's source waits for the record stores, and all recommendations with it.
        batches = batches | "Apart from the rest" >> PartitionByUser(flow.shards)
    # The one switch of write priority: without YIELDING here, nothing waits for urgent writes.
    priority = WritePriority.YIELDING if flow.serves_first else WritePriority.NONE
    _write(flow, RecordSinkSettings, batches, EventBatch, priority=priority)


def close_panes(flow: Flow) -> ClosedPanes:
    """Complete, ordered, duplicate-free blocks; late events become dead letters."""
    events = flow.events.events
    if flow.serves_first:
        period = flow.settings[RecommendSettings].recommend_period
        delay = flow.settings[KafkaSettings].max_out_of_orderness
        events = events | "Announce deadlines" >> beam.ParDo(AnnounceDeadline(period, delay))
    closed: ClosedPanes = events | "Close panes" >> ClosePanes(
        flow.block_seconds,
        flow.shards,
        flow.events.is_bounded_files,
        flow.settings[KafkaSettings].allowed_lateness,
    )
    late = closed.late
    if flow.events.late is not None:
        late = (late, flow.events.late) | "All late" >> beam.Flatten()
    name = public_name(str(flow.settings[InputSettings].input))
    flow.letters.append(late | "Late to letters" >> beam.ParDo(_LateLetters(name)))
    return closed


def rank_popular(flow: Flow, closed: ClosedPanes) -> beam.PCollection[PopularRows]:
    """Popular items by window, to their stores."""
    chosen = flow.settings[PopularSettings]
    popular = closed.blocks | "Popular" >> PopularItems(
        chosen.popular_window,
        chosen.popular_period,
        chosen.popular_size,
        flow.events.is_bounded_files,
        chosen.popular_cap,
    )
    _write(flow, PopularSinkSettings, popular, PopularRows)
    return popular


def recommend(
    flow: Flow,
    closed: ClosedPanes,
    popular: beam.PCollection[PopularRows],
    source: RankerSource | None = None,
) -> Rewarded:
    """Recommendations with their rewards, to their stores.

    Args:
        flow: the pipeline so far.
        closed: its blocks.
        popular: its rankings.
        source: where workers get the models from, if not by the options.
    """
    chosen = flow.settings[RecommendSettings]
    feedback = flow.settings[FeedbackSettings]
    bounded = flow.events.is_bounded_files
    rewards = RewardRules(feedback.reward_window, chosen.history_ttl, every_minute=not bounded)
    rules = HistoryRules(
        Schedule(chosen.recommend_window, chosen.recommend_period),
        flow.block_seconds,
        chosen.history_size,
        chosen.min_history,
        chosen.history_ttl,
        flow.settings[PopularSettings].popular_size,
        rewards,
    )
    blocks = closed.blocks
    if flow.serves_first:
        blocks = blocks | "Urgent blocks" >> beam.Map(begin_urgent).with_output_types(
            tuple[int, EventBatch]
        )
    due = (blocks, popular) | "Histories" >> Histories(rules, flow.shards)
    if flow.serves_first:
        due = due | "Urgent requests" >> beam.Map(begin_urgent).with_output_types(
            tuple[int, RankingRequest]
        )
    recommended: Recommended = due | "Recommend" >> Recommend(
        source or model_source(flow.settings[ModelSettings]),
        chosen.recommendations,
        chosen.repeat_consumed,
        keep_history=bool(feedback.feedback),
        serve=flow.serves_first,
    )
    rewarded: Rewarded = recommended.batches | "Feedback" >> RewardRecommendations(
        rewards, keep_log=bool(feedback.feedback)
    )
    _write_recommendations(flow, recommended.served, rewarded.recommendations)
    minutes = rewarded.minutes | "Minutes" >> SumShards(PolicyMinutes, MINUTE, bounded)
    _write(flow, RecommendationSinkSettings, minutes, PolicyMinutes, label="minutes")
    if feedback.feedback:
        _ = rewarded.feedback | "Write feedback" >> WriteFeedback(feedback.feedback, bounded)
    return rewarded


def tell(flow: Flow, closed: ClosedPanes, rewarded: Rewarded) -> None:
    """How the job does, to the SQL stores of the recommendations: for the page."""
    stores = accepting(flow.sinks(RecommendationSinkSettings), WorkerCounts)
    if stores:
        tell_page = WriteJobMetrics(
            stores, int(time.time() * 1000), flow.block_seconds, flow.events.is_bounded_files
        )
        parts = (flow.events.events, closed.blocks, rewarded.recommendations)
        flow.letters.append(parts | "Tell the page" >> tell_page)


def write_letters(flow: Flow) -> None:
    """All dead letters to their file; the last step of building."""
    _ = (
        flow.letters
        | "Dead letters" >> beam.Flatten()
        | "Write dead letters" >> WriteDeadLetters(flow.settings[DeadLetterSettings].dead_letters)
    )


def _write_recommendations(
    flow: Flow, served: beam.PCollection[Recommendations], rewarded: beam.PCollection[RankedBatch]
) -> None:
    """Recommendations to all stores; in a stream, to the serving stores first.

    Serving stores keep no rewards. They get the recommendations before rewards are known.
    """
    output = RecommendationSinkSettings
    stores = flow.sinks(output)
    serving = [store for store in stores if store.serves_online] if flow.serves_first else []
    _write(
        flow, output, served, Recommendations,
        stores=serving, label=SERVED, priority=WritePriority.URGENT,
    )  # fmt: skip
    archives = [store for store in stores if store not in serving]
    if archives:
        rows = rewarded | "Rows" >> beam.Map(RankedBatch.rows).with_output_types(Recommendations)
        delay = flow.settings[output].archive_delay if serving else 0
        _write(flow, output, rows, Recommendations, stores=archives, delay=delay)


def _write(
    flow: Flow,
    output: type[Output],
    rows: beam.PCollection[Frame],
    frame_type: type[Frame],
    *,
    stores: Sequence[StoreSource] | None = None,
    label: str | None = None,
    priority: WritePriority = WritePriority.NONE,
    delay: int = 0,
) -> None:
    """Writes frames to those stores of an output that have a place for them."""
    chosen = accepting(flow.sinks(output) if stores is None else stores, frame_type)
    if chosen:
        shards = flow.shards if delay else 1
        write = WriteTo(chosen, frame_type, priority=priority, delay=delay, shards=shards)
        flow.letters.append(rows | f"Write {label or _NAMES[output]}" >> write)


@beam.typehints.with_output_types(DeadLetterBatch)
class _LateLetters(beam.DoFn):
    """Late events as dead letters: the value is made anew, as Kafka's CSV has it."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._letters = Metrics.counter("rivulet", "late")

    def process(self, batch: EventBatch) -> list[DeadLetterBatch]:
        self._letters.inc(len(batch))
        SHARED_PROGRESS.add("late", len(batch))
        columns = (batch.user, batch.item, batch.time, batch.behavior)
        raw = [
            f"{user},{item},{time},{BEHAVIORS[code]}"
            for user, item, time, code in zip(*(c.tolist() for c in columns), strict=True)
        ]
        size = len(batch)
        return [
            DeadLetterBatch.of_columns(
                [self._source] * size, [LATE] * size, raw, batch.time.tolist()
            )
        ]
