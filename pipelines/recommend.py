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

from pipelines.graph import branches
from pipelines.options import FeedbackOptions, ModelOptions, PopularOptions, RecommendOptions
from pipelines.running.job import Job
from sinks.options import SinkOptions
from sources.options import InputOptions, KafkaOptions


def build(flow: branches.Flow) -> None:
    """All branches."""
    branches.record(flow)
    closed = branches.close_panes(flow)
    rewarded = branches.recommend(flow, closed, branches.rank_popular(flow, closed))
    branches.tell(flow, closed, rewarded)


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
