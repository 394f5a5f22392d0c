"""What is popular now, and nothing else.

python -m pipelines.popular --input clicks.csv --popular_sink sqlite:///rivulet.db
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from pipelines.graph import branches
from pipelines.options import PopularOptions
from pipelines.running.job import Job
from sinks.options import SinkOptions
from sources.options import InputOptions, KafkaOptions


def build(flow: branches.Flow) -> None:
    """The popular branch."""
    branches.rank_popular(flow, branches.close_panes(flow))


JOB = Job(
    name="popular",
    description="Read a click-stream and rank what is popular in sliding windows.",
    concerns=(InputOptions, KafkaOptions, PopularOptions, SinkOptions),
    build=build,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the job; its exit status."""
    return JOB.main(sys.argv[1:] if argv is None else argv)


if __name__ == "__main__":
    raise SystemExit(main())
