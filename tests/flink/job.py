"""The main job with the fake policy, as a program: `python -m tests.flink.job`."""

import dataclasses
import sys

from inference.models.no_policy import NoPolicy
from pipelines import recommend
from pipelines.graph.graph import recommend_graph
from pipelines.graph.job_graph import JobGraph
from tests.fakes import FakeSource


def build(job: JobGraph) -> None:
    # The fake policy ranks integers.
    recommend_graph(job, NoPolicy() if job.ids.any_text else FakeSource())


JOB = dataclasses.replace(recommend.JOB, build=build)

if __name__ == "__main__":
    raise SystemExit(JOB.main(sys.argv[1:]))
