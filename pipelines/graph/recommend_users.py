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

from dataclasses import dataclass, field
from typing import NamedTuple

import apache_beam as beam

from inference.models.ranker import RankerSource
from pipelines.graph.recommend_config import RecommendConfig
from pipelines.graph.steps import (
    minutes_of,
    rank_popular,
    recommend,
    request_rankings,
    reward,
    rows_of,
)
from transforms.messages.events import EventBatch
from transforms.messages.feedback import Feedback
from transforms.messages.minutes import PolicyMinutes
from transforms.messages.popular import PopularRows
from transforms.messages.recommendations import Recommendations
from transforms.progress import SHARED_PROGRESS, ProgressCounters
from transforms.windows.panes import ClosePanes


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
