"""The steps that keep state have stable names, and their state has a stable shape.

A change here means that jobs do not resume from the savepoints of the version before: say so in
docs/flink.md, and let it be worth it.
"""

from functools import cache

from apache_beam import Pipeline
from apache_beam.portability import common_urns
from apache_beam.portability.api import beam_runner_api_pb2 as proto

from pipelines.recommend import JOB

CELLS = range(32)
"""Cells of the table of histories in a shard, each a base and a log."""

STATEFUL = {
    "Read/ReadKafka/Watch": (),
    "Read/ReadKafka/Spread/ReshufflePerKey/GroupByKey": (),
    "Read/ReadKafka/Read partition/ParDo(FollowPartition)": (),
    "Close panes/Group": (),
    "Partition by user/To worker": ("unused",),
    "Popular items/Merge shards/GroupByKey": (),
    "Popular items/Merge counts/GroupByKey": (),
    "Histories (16 shards, 10 items)/Keep histories": (
        "bought",
        "emission_progress",
        "event_time_buffer",
        "histories",
        "large_block",
        "ranking_time",
        "recent_users",
        *sorted(f"users_base_{cell}" for cell in CELLS),
        "users_index",
        *sorted(f"users_log_{cell}" for cell in CELLS),
    ),
    "Rewards/Reward/ParDo(RewardBatches)": ("early_work_units", "feedback"),
    "Write recommendations/Delay/Delay": ("delayed_rows", "delayed_write"),
    "Policy minutes/Group by span": (),
    "Job metrics/Minutes/SumShards/Group by span": (),
    "Write feedback/Group": (),
}

STEPS = {
    "Late at pane",
    "Announce deadlines",
    "Close panes",
    "Dead letters",
    "Histories (16 shards, 10 items)",
    "Job metrics",
    "Late at source",
    "Partition by user",
    "Policy minutes",
    "Popular items",
    "Read",
    "Recommend",
    "Recommendation rows",
    "Rewards",
    "Urgent blocks",
    "Urgent requests",
    "With late events",
    "Write dead letters",
    "Write feedback",
    "Write job settings",
    "Write policy minutes",
    "Write popular items",
    "Write recommendations",
    "Write records",
    "Write served",
}


@cache
def components() -> list[proto.PTransform]:
    """The steps of the main job, reading a topic, with all that it can write."""
    sinks = [
        f"--recommendation_sink={url}" for url in ("sqlite:///shop.db", "redis://localhost:1/0")
    ]
    options = JOB.options(["--input=kafka://localhost:1/clicks", "--feedback=log", *sinks])
    pipeline = Pipeline(options=options.beam)
    JOB.construct(pipeline, options)
    return list(pipeline.to_runner_api().components.transforms.values())


def test_the_steps_have_these_names() -> None:
    names = {step.unique_name for step in components()}
    assert {name for name in names if "/" not in name and not name.startswith("ref_")} == STEPS


def test_steps_with_state_are_those_of_the_last_version() -> None:
    found: dict[str, tuple[str, ...]] = {}
    for step in components():
        if step.spec.urn == common_urns.primitives.GROUP_BY_KEY.urn:
            found[step.unique_name] = ()
        elif step.spec.urn == common_urns.primitives.PAR_DO.urn:
            payload = proto.ParDoPayload.FromString(step.spec.payload)
            state = {*payload.state_specs, *payload.timer_family_specs}
            if state or payload.restriction_coder_id:
                found[step.unique_name] = tuple(sorted(name.removeprefix("ts-") for name in state))
    assert found == STATEFUL
