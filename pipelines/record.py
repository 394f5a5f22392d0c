"""Every event to the record stores, and nothing else.

python -m pipelines.record --input clicks.csv --record_sink sqlite:///rivulet.db
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from pipelines.graph import branches
from pipelines.running.job import Job
from sinks.options import SinkOptions
from sources.options import InputOptions, KafkaOptions

JOB = Job(
    name="record",
    description="Read a click-stream and record every event, once.",
    concerns=(InputOptions, KafkaOptions, SinkOptions),
    build=branches.record,
    closes_panes=False,
    ranks=False,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the job; its exit status."""
    return JOB.main(sys.argv[1:] if argv is None else argv)


if __name__ == "__main__":
    raise SystemExit(main())
