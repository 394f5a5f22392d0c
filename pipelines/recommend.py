"""The whole graph: records, popular items, recommendations and what came of them.

With no option at all it reads the sample click-stream, ranks with the packaged policy and
writes to SQLite:

    python -m pipelines.recommend

    python -m pipelines.recommend --input 'clicks/*.csv.gz' \
        --record_sink 'mysql+pymysql://shop:${PASSWORD}@db/clicks' \
        --popular_sink redis://cache/0 --recommendation_sink redis://cache/0
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pipelines.options import (
    ExploreSettings,
    FeedbackSettings,
    ModelSettings,
    NewItemSettings,
    PopularSettings,
    RecommendSettings,
    ShardSettings,
)
from pipelines.related_options import RelatedSettings
from pipelines.running.job import Job
from pipelines.value_options import ValueSettings
from sinks.options import (
    DeadLetterSettings,
    PopularSinkSettings,
    RecommendationSinkSettings,
    RecordSinkSettings,
    RetentionSettings,
)
from sources.catalogue.options import CatalogueSettings
from sources.forgotten.options import ForgottenSettings
from sources.options import InputSettings, KafkaSettings

if TYPE_CHECKING:
    from pipelines.graph.job_graph import JobGraph


def build(job: JobGraph) -> None:
    """Builds the graph."""
    from pipelines.graph.graph import recommend_graph

    recommend_graph(job)


JOB = Job(
    name="recommend",
    description="Read a click-stream, record it, rank popular items, recommend with a policy, "
    "and see what came of it.",
    concerns=(
        InputSettings,
        KafkaSettings,
        CatalogueSettings,
        ForgottenSettings,
        PopularSettings,
        RecommendSettings,
        ExploreSettings,
        NewItemSettings,
        RelatedSettings,
        ShardSettings,
        ModelSettings,
        FeedbackSettings,
        ValueSettings,
        RecordSinkSettings,
        PopularSinkSettings,
        RecommendationSinkSettings,
        RetentionSettings,
        DeadLetterSettings,
    ),
    build=build,
    recommends=True,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the job; its exit status."""
    return JOB.main(sys.argv[1:] if argv is None else argv)


if __name__ == "__main__":
    raise SystemExit(main())
