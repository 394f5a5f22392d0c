"""Every event to the record stores, and nothing else.

python -m pipelines.record --input clicks.csv --record_sink sqlite:///rivulet.db
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pipelines.options import ShardSettings
from pipelines.running.job import Job
from sinks.options import DeadLetterSettings, RecordSinkSettings, RetentionSettings
from sources.options import InputSettings, KafkaSettings

if TYPE_CHECKING:
    from pipelines.graph.job_graph import JobGraph


def build(job: JobGraph) -> None:
    """Builds the graph."""
    from pipelines.graph.graph import record_graph

    record_graph(job)


JOB = Job(
    name="record",
    description="Read a click-stream and record every event, once.",
    concerns=(
        InputSettings,
        KafkaSettings,
        ShardSettings,
        RecordSinkSettings,
        RetentionSettings,
        DeadLetterSettings,
    ),
    build=build,
    closes_panes=False,
    ranks=False,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the job; its exit status."""
    return JOB.main(sys.argv[1:] if argv is None else argv)


if __name__ == "__main__":
    raise SystemExit(main())
