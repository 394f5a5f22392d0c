"""What is popular now, and nothing else.

python -m pipelines.popular --input clicks.csv --popular_sink sqlite:///rivulet.db
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pipelines.options import PopularSettings, ShardSettings
from pipelines.related_options import RelatedSettings
from pipelines.running.job import Job
from sinks.options import DeadLetterSettings, PopularSinkSettings, RetentionSettings
from sources.catalogue.options import CatalogueSettings
from sources.options import InputSettings, KafkaSettings

if TYPE_CHECKING:
    from pipelines.graph.job_graph import JobGraph


def build(job: JobGraph) -> None:
    """Builds the graph."""
    from pipelines.graph.graph import popular_graph

    popular_graph(job)


JOB = Job(
    name="popular",
    description="Read a click-stream and rank what is popular in sliding windows.",
    concerns=(
        InputSettings,
        KafkaSettings,
        CatalogueSettings,
        PopularSettings,
        RelatedSettings,
        ShardSettings,
        PopularSinkSettings,
        RetentionSettings,
        DeadLetterSettings,
    ),
    build=build,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the job; its exit status."""
    return JOB.main(sys.argv[1:] if argv is None else argv)


if __name__ == "__main__":
    raise SystemExit(main())
