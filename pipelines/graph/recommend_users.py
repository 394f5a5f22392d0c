"""Recommendations as one transform, for pipelines of your own.

    from rivulet import RecommendUsers, RecommendConfig

    found = events | RecommendUsers(RecommendConfig(bounded=True))
    found.recommendations | ...

`events` are `EventBatch`es. The transform neither reads nor writes: `sources.read.ReadEvents`
makes such batches from files and topics, `sinks.write.WriteTo` writes its outputs to stores. Its
parts are transforms with plain arguments too: `ClosePanes`, `PopularItems`, `Histories`,
`Recommend`, `RewardRecommendations`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

import apache_beam as beam

from inference.models.ranker import RankerSource
from inference.recommend import Recommend, Recommended
from pipelines.graph.models import min_history_of, model_source
from pipelines.options import (
    ExploreSettings,
    ModelSettings,
    NewItemSettings,
    PopularSettings,
    RecommendSettings,
)
from transforms.catalogue.source import CatalogueSource
from transforms.feedback.credit_impressions import CreditImpressions
from transforms.feedback.reward_recommendations import Rewarded, RewardRecommendations
from transforms.feedback.rules import RewardRules
from transforms.feedback.step import Credit
from transforms.histories.keep_histories import Histories
from transforms.histories.rules import HistoryRules
from transforms.histories.schedule import Schedule
from transforms.messages.behaviors import USUAL_REWARDS
from transforms.messages.events import EventBatch
from transforms.messages.feedback import Feedback
from transforms.messages.id_kinds import INTEGERS, IdKinds
from transforms.messages.minutes import MINUTE, PolicyMinutes
from transforms.messages.popular import PopularRows
from transforms.messages.ranking import RankedBatch, RankingRequest
from transforms.messages.recommendations import Recommendations
from transforms.messages.value_weight import ValueWeight
from transforms.progress import SHARED_PROGRESS, ProgressCounters
from transforms.windows.panes import ClosePanes
from transforms.windows.popular import PopularItems
from transforms.windows.shard_sums import SumShards

Blocks: TypeAlias = beam.PCollection[tuple[int, EventBatch]]
Requests: TypeAlias = beam.PCollection[tuple[int, RankingRequest]]
Batches: TypeAlias = beam.PCollection[tuple[int, RankedBatch]]


@dataclass(frozen=True)
class RecommendConfig:
    """How users get recommendations.

    Attributes:
        popular: windows and size of the rankings of popular items.
        recommend: who gets recommendations when, and how many.
        model: the models that rank.
        reward_window: seconds of event time in which a recommendation earns rewards.
        rewards: what an event earns, by the code of its behavior.
        value: how an event's value weighs its reward; None where it does not count.
        keep_feedback: whether to emit feedback, with the histories that were ranked.
        shards: shards of users, the most workers that can share the work.
        bounded: whether the events have an end and come in any order, as from files. Else the
            watermark closes panes as it advances.
        allowed_lateness: seconds of event time after a pane's end for which late events are
            received.
        serve: whether to emit the recommendations before they are rewarded, too.
        catalogue: what is available when; None for all items.
        ids: the kinds of the events' ids.
        explore: which places of which lists are drawn.
        new_items: which places are for items of the catalogue that no model knows; its source
            must say what is new for `new_items.seconds`.

    Raises:
        ValueError: the settings of `explore` or `new_items` have no effect or cannot work with
            the others.
    """

    popular: PopularSettings = field(default_factory=PopularSettings)
    recommend: RecommendSettings = field(default_factory=RecommendSettings)
    model: ModelSettings = field(default_factory=ModelSettings)
    reward_window: int = 600
    rewards: tuple[float, ...] = USUAL_REWARDS
    value: ValueWeight | None = None
    keep_feedback: bool = False
    shards: int = 16
    bounded: bool = False
    allowed_lateness: int = 3600
    serve: bool = False
    catalogue: CatalogueSource | None = None
    ids: IdKinds = INTEGERS
    explore: ExploreSettings = field(default_factory=ExploreSettings)
    new_items: NewItemSettings = field(default_factory=NewItemSettings)

    def __post_init__(self) -> None:
        recommendations = self.recommend.recommendations
        for problem in self.explore.conflicts(recommendations, self.model.model):
            raise ValueError(problem)
        items = self.catalogue is not None
        for problem in self.new_items.conflicts(
            recommendations, self.model.model, self.explore, items=items
        ):
            raise ValueError(problem)

    @property
    def pane(self) -> int:
        """Seconds on whose multiples closed blocks begin and end.

        In a stream it divides every window and period, so that each is a whole number of panes.
        """
        if self.bounded:
            return self.recommend.recommend_period
        return math.gcd(
            self.popular.popular_window,
            self.popular.popular_period,
            self.recommend.recommend_window,
            self.recommend.recommend_period,
            self.reward_window,
        )

    @property
    def min_history(self) -> int:
        """Events in a history from which on the policy ranks."""
        return min_history_of(self.recommend, self.model, self.ids)

    @property
    def reward_rules(self) -> RewardRules:
        """How recommendations earn rewards."""
        return RewardRules(
            self.reward_window,
            self.recommend.history_ttl,
            every_minute=not self.bounded,
            rewards=self.rewards,
            value=self.value,
        )

    @property
    def history_rules(self) -> HistoryRules:
        """How histories are kept."""
        return HistoryRules(
            Schedule(self.recommend.recommend_window, self.recommend.recommend_period),
            self.pane,
            self.recommend.history_size,
            self.min_history,
            self.recommend.history_ttl,
            self.popular.popular_size,
            self.reward_rules,
            self.recommend.exclude_bought,
        )


class UserRecommendations(NamedTuple):
    """Outputs of `RecommendUsers`.

    Attributes:
        recommendations: the recommendations with their `last_reward`.
        popular: the rankings of popular items.
        minutes: sums of rewards by policy and minute of event time.
        feedback: (shard, recommendations with their rewards); empty without `keep_feedback`.
        late: events that arrived after their pane was closed.
        served: the recommendations before they are rewarded; empty without `serve`.
    """

    recommendations: beam.PCollection[Recommendations]
    popular: beam.PCollection[PopularRows]
    minutes: beam.PCollection[PolicyMinutes]
    feedback: beam.PCollection[tuple[int, Feedback]]
    late: beam.PCollection[EventBatch]
    served: beam.PCollection[Recommendations]


@dataclass(eq=False)
class RecommendUsers(beam.PTransform):
    """EventBatches to recommendations, popular items and rewards.

    Attributes:
        config: the rules.
        models: where workers load models from, if not as the config says.
        progress: counters of the job.
    """

    config: RecommendConfig = field(default_factory=RecommendConfig)
    models: RankerSource | None = None
    progress: ProgressCounters = SHARED_PROGRESS

    def expand(self, events: beam.PCollection[EventBatch]) -> UserRecommendations:
        """Close panes, rank popular items, recommend, reward."""
        config = self.config
        sizes = config.pane, config.shards, config.bounded, config.allowed_lateness
        closed = events | "Close panes" >> ClosePanes(*sizes, self.progress, bool(config.value))
        popular = rank_popular(closed.blocks, config.popular, config.bounded, config.catalogue)
        requests = request_rankings(closed.blocks, popular, config)
        recommended = recommend(requests, config, self.models, None if config.bounded else events)
        rewarded = reward(recommended.batches, config, self.progress)
        return UserRecommendations(
            rows_of(rewarded),
            popular,
            minutes_of(rewarded, config.bounded),
            rewarded.feedback,
            closed.late,
            recommended.served,
        )


def rank_popular(
    blocks: Blocks,
    popular: PopularSettings,
    bounded: bool,
    catalogue: CatalogueSource | None = None,
) -> beam.PCollection[PopularRows]:
    """Rankings of popular items from closed blocks."""
    return blocks | "Popular items" >> PopularItems(
        popular.popular_window,
        popular.popular_period,
        popular.popular_size,
        bounded,
        popular.popular_cap,
        catalogue,
    )


def request_rankings(
    blocks: Blocks, popular: beam.PCollection[PopularRows], config: RecommendConfig
) -> Requests:
    """Requests to rank for the users that are due, with their histories."""
    # The label holds what shapes the state: Flink refuses a savepoint of another shape.
    size = config.recommend.history_size
    label = f"Histories ({config.shards} shards, {size} items)"
    return (blocks, popular) | label >> Histories(config.history_rules, config.shards)


def recommend(
    requests: Requests,
    config: RecommendConfig,
    models: RankerSource | None,
    early: beam.PCollection[EventBatch] | None = None,
) -> Recommended:
    """Recommendations by the policy, completed with popular items.

    Args:
        requests: the users that are due.
        config: the rules.
        models: where workers load models from, if not as the config says.
        early: as in `Recommend`.

    Raises:
        ModelError: a model of the config cannot be used.
    """
    recommended: Recommended = requests | "Recommend" >> Recommend(
        models or model_source(config.model, ids=config.ids),
        config.recommend.recommendations,
        config.recommend.repeat_consumed,
        keep_history=config.keep_feedback,
        serve=config.serve,
        catalogue=config.catalogue,
        exploration=config.explore.exploration,
        new_places=config.new_items.places(config.recommend.recommendations),
        early=early,
    )
    return recommended


def reward(
    batches: Batches,
    config: RecommendConfig,
    progress: ProgressCounters,
    impressions: Blocks | None = None,
) -> Rewarded:
    """Rewards of the recommendations.

    Args:
        batches: the recommendations.
        config: the rules.
        progress: the job's counters.
        impressions: closed blocks with ranking times as items: which lists were shown. None: those
            that differ from the user's list before.
    """
    if impressions is None:
        rewarded: Rewarded = batches | "Rewards" >> RewardRecommendations(
            config.reward_rules, keep_log=config.keep_feedback, progress=progress
        )
        return rewarded
    rewarded = batches | "Last rewards" >> RewardRecommendations(
        config.reward_rules, progress=progress, credit=Credit.NOTHING
    )
    credited: Rewarded = (batches, impressions) | "Impressions" >> CreditImpressions(
        config.reward_rules, config.bounded, config.keep_feedback, progress
    )
    return Rewarded(rewarded.recommendations, credited.feedback, credited.minutes)


def rows_of(rewarded: Rewarded) -> beam.PCollection[Recommendations]:
    """The recommendations as rows."""
    return rewarded.recommendations | "Recommendation rows" >> beam.Map(
        RankedBatch.rows
    ).with_output_types(Recommendations)


def minutes_of(rewarded: Rewarded, bounded: bool) -> beam.PCollection[PolicyMinutes]:
    """Sums by policy and minute over all shards."""
    return rewarded.minutes | "Policy minutes" >> SumShards(PolicyMinutes, MINUTE, bounded)
