"""The main job with the fake policy, as a program: `python -m tests.flink.job`."""

import dataclasses
import sys

from pipelines import graph, recommend
from tests.fakes import FakeSource


def build(flow: graph.Flow) -> None:
    graph.record(flow)
    sealed = graph.seal(flow)
    graph.recommend(flow, sealed, graph.rank_popular(flow, sealed), FakeSource())


JOB = dataclasses.replace(recommend.JOB, build=build)

if __name__ == "__main__":
    raise SystemExit(JOB.main(sys.argv[1:]))
