"""The pipeline's graph: sources, transforms, inference, sinks, in the order of the data's flow.

Labels are stable: a job resumed from a savepoint finds its state by them.
"""

from __future__ import annotations

import time
from collections.abc import Set
from dataclasses import dataclass, field

import apache_beam as beam
from apache_beam.metrics import Metrics
from apache_beam.options.pipeline_options import PipelineOptions

from inference.ranker import RankerSource
from inference.recommend import SERVED, Recommend, Recommended
from pipelines.models import model_source
from pipelines.options import FeedbackOptions, PopularOptions, RecommendOptions, pane_of
from pipelines.tell import TellPage
from sinks.base import StoreSource, WriteTo
from sinks.dead_letter_file import WriteDeadLetters
from sinks.feedback_log import WriteFeedback
from sinks.names import public_name
from sinks.options import SinkOptions
from sinks.redis_store import CALLS, USERS, RedisSource
from sinks.right_of_way import MakeWay, Way, take
from sinks.sql import SqlSource
from sources.dead_letters import DeadLetter
from sources.options import InputOptions, KafkaOptions
from sources.read import Events, ReadEvents
from transforms import live
from transforms.behind import WaitBehind
from transforms.bundles import CollectBundle
from transforms.by_user import SpreadByUser
from transforms.events import BEHAVIORS, EventBatch
from transforms.feedback import Rewarded, RewardRecommendations
from transforms.frames import Frame
from transforms.histories import Histories, HistoryRules
from transforms.minutes import MINUTE
from transforms.panes import Sealed, SealPanes
from transforms.popular import PopularItems, PopularRows
from transforms.recommendations import Due, PolicyMinutes, Recommendations, Shown
from transforms.rewards import RewardRules
from transforms.shard_sums import SumShards

LATE = "late"
WRITTEN_ROWS = 5_000
SERVED_ROWS = USERS * CALLS
"""Rows of a frame from which on it is written, though its bundle goes on."""


@dataclass
class Flow:
    """A pipeline while it is being built.

    Attributes:
        options: all options of the pipeline.
        events: what the source gives.
        letters: the dead letters so far.
    """

    options: PipelineOptions
    events: Events
    letters: list[beam.PCollection[DeadLetter]] = field(default_factory=list)

    @property
    def seal_unit(self) -> int:
        """Seconds on whose multiples sealed blocks begin and end (see `SealPanes`)."""
        if self.events.is_bounded_files:
            return int(self.options.view_as(RecommendOptions).recommend_period)
        return pane_of(self.options)

    @property
    def serves_first(self) -> bool:
        """Whether recommendations go to the stores that serve them before all else is written."""
        stores = self.sinks("recommendation")
        return not self.events.is_bounded_files and any(map(_serves, stores))

    def sinks(self, output: str) -> list[StoreSource]:
        """The stores of an output."""
        found: list[StoreSource] = self.options.view_as(SinkOptions).sources(output)
        return found


def read(pipeline: beam.Pipeline, options: PipelineOptions) -> Flow:
    """Events from files or Kafka."""
    events = pipeline | "Read" >> ReadEvents(options)
    return Flow(options, events, [events.malformed])


def record(flow: Flow) -> None:
    """Every event to the record stores: before panes are sealed, so that late ones are there."""
    batches = flow.events.events
    if flow.events.late is not None:
        batches = (batches, flow.events.late) | "With late ones" >> beam.Flatten()
    if not flow.events.is_bounded_files:
        # Else a stream's source waits for the record stores, and all recommendations with it.
        shards = flow.options.view_as(RecommendOptions).shards
        batches = batches | "Apart from the rest" >> SpreadByUser(shards)
    way = Way.GIVES if flow.serves_first else Way.NEITHER
    _write(flow, "record", batches, EventBatch, way=way)


def seal(flow: Flow) -> Sealed:
    """Complete, ordered, duplicate-free blocks; late events become dead letters."""
    events = flow.events.events
    if flow.serves_first:
        period = flow.options.view_as(RecommendOptions).recommend_period
        behind = flow.options.view_as(KafkaOptions).max_out_of_orderness
        events = events | "Make way" >> beam.ParDo(MakeWay(period, behind))
    sealed: Sealed = events | "Seal panes" >> SealPanes(
        flow.seal_unit,
        flow.options.view_as(RecommendOptions).shards,
        flow.events.is_bounded_files,
        flow.options.view_as(KafkaOptions).allowed_lateness,
    )
    late = sealed.late
    if flow.events.late is not None:
        late = (late, flow.events.late) | "All late" >> beam.Flatten()
    name = public_name(str(flow.options.view_as(InputOptions).input))
    flow.letters.append(late | "Late to letters" >> beam.ParDo(_LateLetters(name)))
    return sealed


def rank_popular(flow: Flow, sealed: Sealed) -> beam.PCollection[PopularRows]:
    """Popular items by window, to their stores."""
    options = flow.options.view_as(PopularOptions)
    popular = sealed.blocks | "Popular" >> PopularItems(
        options.popular_window, options.popular_period, options.popular_size
    )
    _write(flow, "popular", popular, PopularRows)
    return popular


def recommend(
    flow: Flow,
    sealed: Sealed,
    popular: beam.PCollection[PopularRows],
    source: RankerSource | None = None,
) -> Rewarded:
    """Recommendations with their rewards, to their stores.

    Args:
        flow: the pipeline so far.
        sealed: its blocks.
        popular: its rankings.
        source: where workers get the models from, if not by the options.
    """
    options = flow.options.view_as(RecommendOptions)
    feedback = flow.options.view_as(FeedbackOptions)
    bounded = flow.events.is_bounded_files
    rewards = RewardRules(feedback.reward_window, options.history_ttl, every_minute=not bounded)
    rules = HistoryRules(
        options.schedule(),
        flow.seal_unit,
        options.history_size,
        options.min_history,
        options.history_ttl,
        flow.options.view_as(PopularOptions).popular_size,
        rewards,
    )
    blocks = sealed.blocks
    if flow.serves_first:
        blocks = blocks | "Go first" >> beam.Map(take).with_output_types(tuple[int, EventBatch])
    due = (blocks, popular) | "Histories" >> Histories(rules, options.shards)
    if flow.serves_first:
        due = due | "Go on" >> beam.Map(take).with_output_types(tuple[int, Due])
    recommended: Recommended = due | "Recommend" >> Recommend(
        source or model_source(flow.options),
        options.recommendations,
        options.repeat_consumed,
        keep_history=bool(feedback.feedback),
        serve=flow.serves_first,
    )
    rewarded: Rewarded = recommended.shown | "Feedback" >> RewardRecommendations(
        rewards, keep_log=bool(feedback.feedback)
    )
    _write_recommendations(flow, recommended.served, rewarded.recommendations)
    minutes = rewarded.minutes | "Minutes" >> SumShards(PolicyMinutes, MINUTE, bounded)
    _write(flow, "recommendation", minutes, PolicyMinutes, "minutes")
    if feedback.feedback:
        _ = rewarded.feedback | "Write feedback" >> WriteFeedback(feedback.feedback, bounded)
    return rewarded


def tell(flow: Flow, sealed: Sealed, rewarded: Rewarded) -> None:
    """How the job does, to the SQL stores of the recommendations: for the page."""
    stores = [sink for sink in flow.sinks("recommendation") if isinstance(sink, SqlSource)]
    if stores:
        tell_page = TellPage(
            stores, int(time.time() * 1000), flow.seal_unit, flow.events.is_bounded_files
        )
        parts = (flow.events.events, sealed.blocks, rewarded.recommendations)
        flow.letters.append(parts | "Tell the page" >> tell_page)


def write_letters(flow: Flow) -> None:
    """All dead letters to their file; the last step of building."""
    _ = (
        flow.letters
        | "Dead letters" >> beam.Flatten()
        | "Write dead letters" >> WriteDeadLetters(flow.options.view_as(SinkOptions).dead_letters)
    )


def _write_recommendations(
    flow: Flow, served: beam.PCollection[Recommendations], rewarded: beam.PCollection[Shown]
) -> None:
    """To all stores; in a stream, first to the ones that serve them, and then to the others.

    Those that serve keep nothing of what came of the lists before, so they need not wait for it.
    """
    stores = set(flow.sinks("recommendation"))
    serving = set(filter(_serves, stores)) if flow.serves_first else set()
    if serving:
        _write(flow, "recommendation", served, Recommendations, SERVED, serving, Way.TAKES)
    if stores - serving:
        rows = rewarded | "Rows" >> beam.Map(Shown.rows).with_output_types(Recommendations)
        if serving and (seconds := flow.options.view_as(SinkOptions).write_behind):
            shards = flow.options.view_as(RecommendOptions).shards
            rows = rows | "Behind Redis" >> WaitBehind(seconds, shards)
        _write(flow, "recommendation", rows, Recommendations, only=stores - serving)


def _serves(sink: StoreSource) -> bool:
    return isinstance(sink, RedisSource)


def _write(
    flow: Flow,
    output: str,
    rows: beam.PCollection[Frame],
    frame_type: type[Frame],
    what: str | None = None,
    only: Set[StoreSource] | None = None,
    way: Way = Way.NEITHER,
) -> None:
    sinks = [
        (number, sink)
        for number, sink in enumerate(flow.sinks(output), 1)
        # The other stores have no place for it (spec section 6).
        if frame_type is not PolicyMinutes or isinstance(sink, SqlSource)
        if only is None or sink in only
    ]
    if not sinks:
        return
    # A stream's frames are small, and a store takes a few large ones far faster.
    rows = rows | f"Collect {what or output}" >> beam.ParDo(
        CollectBundle(frame_type, SERVED_ROWS if way is Way.TAKES else WRITTEN_ROWS)
    ).with_output_types(frame_type)
    for number, sink in sinks:
        label = f"Write {what or output} {number}"
        flow.letters.append(rows | label >> WriteTo(sink, frame_type, way))


@beam.typehints.with_output_types(DeadLetter)
class _LateLetters(beam.DoFn):
    """Late events as dead letters: the value is made anew, as Kafka's CSV has it."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._letters = Metrics.counter("rivulet", "late")

    def process(self, batch: EventBatch) -> list[DeadLetter]:
        self._letters.inc(len(batch))
        live.add("late", len(batch))
        columns = (batch.user, batch.item, batch.time, batch.behavior)
        return [
            DeadLetter(self._source, LATE, f"{user},{item},{time},{BEHAVIORS[code]}", time)
            for user, item, time, code in zip(*(c.tolist() for c in columns), strict=True)
        ]
