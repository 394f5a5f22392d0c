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

from pipelines import graph
from pipelines.options import FeedbackOptions, ModelOptions, PopularOptions, RecommendOptions
from pipelines.run import Job
from sinks.options import SinkOptions
from sources.options import InputOptions, KafkaOptions


def build(flow: graph.Flow) -> None:
    """All branches."""
    graph.record(flow)
    sealed = graph.seal(flow)
    rewarded = graph.recommend(flow, sealed, graph.rank_popular(flow, sealed))
    graph.tell(flow, sealed, rewarded)


JOB = Job(
    name="recommend",
    description="Read a click-stream, record it, rank popular items, recommend with a policy, "
    "and see what came of it.",
    concerns=(
        InputOptions,
        KafkaOptions,
        PopularOptions,
        RecommendOptions,
        ModelOptions,
        FeedbackOptions,
        SinkOptions,
    ),
    build=build,
    recommends=True,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the job; its exit status."""
    return JOB.main(sys.argv[1:] if argv is None else argv)


if __name__ == "__main__":
    raise SystemExit(main())
