"""The parts of `RecommendUsers` and of Rivulet's own graph, with their labels."""

from __future__ import annotations

from typing import TypeAlias

import apache_beam as beam

from inference.models.ranker import RankerSource
from inference.recommend import Recommend, Recommended
from pipelines.graph.models import model_source
from pipelines.graph.recommend_config import RecommendConfig
from pipelines.options import PopularSettings
from transforms.catalogue.source import CatalogueSource
from transforms.feedback.credit_impressions import CreditImpressions
from transforms.feedback.reward_recommendations import Rewarded, RewardRecommendations
from transforms.feedback.step import Credit
from transforms.histories.keep_histories import Histories
from transforms.messages.events import EventBatch
from transforms.messages.minutes import MINUTE, PolicyMinutes
from transforms.messages.popular import PopularRows
from transforms.messages.ranking import RankedBatch, RankingRequest
from transforms.messages.recommendations import Recommendations
from transforms.progress import ProgressCounters
from transforms.windows.popular import PopularItems
from transforms.windows.shard_sums import SumShards

Blocks: TypeAlias = beam.PCollection[tuple[int, EventBatch]]
Requests: TypeAlias = beam.PCollection[tuple[int, RankingRequest]]
Batches: TypeAlias = beam.PCollection[tuple[int, RankedBatch]]


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
    histories = Histories(config.history_rules, config.shards, config.forgotten)
    return (blocks, popular) | label >> histories


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
