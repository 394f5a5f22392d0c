"""The main job with the fake policy, as a program: `python -m tests.flink.job`."""

import dataclasses
import sys

from pipelines import recommend
from pipelines.graph.graph import recommend_graph
from pipelines.graph.job_graph import JobGraph
from tests.fakes import FakeSource


def build(job: JobGraph) -> None:
    recommend_graph(job, FakeSource())


JOB = dataclasses.replace(recommend.JOB, build=build)

if __name__ == "__main__":
    raise SystemExit(JOB.main(sys.argv[1:]))
