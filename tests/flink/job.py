"""The main job with the fake policy, as a program: `python -m tests.flink.job`."""

import dataclasses
import sys

from pipelines import recommend
from pipelines.graph import branches
from tests.fakes import FakeSource


def build(flow: branches.Flow) -> None:
    branches.record(flow)
    closed = branches.close_panes(flow)
    branches.recommend(flow, closed, branches.rank_popular(flow, closed), FakeSource())


JOB = dataclasses.replace(recommend.JOB, build=build)

if __name__ == "__main__":
    raise SystemExit(JOB.main(sys.argv[1:]))
