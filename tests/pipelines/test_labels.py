"""The steps that keep state have stable names, and their state has a stable shape.

A change here means that jobs do not resume from the savepoints of the version before: say so in
docs/flink.md, and let it be worth it.
"""

from apache_beam import Pipeline
from apache_beam.portability import common_urns
from apache_beam.portability.api import beam_runner_api_pb2 as proto

from pipelines.recommend import JOB

STATEFUL = {
    "Read/ReadKafka/Watch": (),
    "Read/ReadKafka/Spread/ReshufflePerKey/GroupByKey": (),
    "Read/ReadKafka/Read partition/ParDo(FollowPartition)": (),
    "Close panes/Group": (),
    "Apart from the rest/Spread": ("nothing",),
    "Popular/Merge shards/GroupByKey": (),
    "Popular/Merge panes/GroupByKey": (),
    "Histories/Keep histories": ("due", "queued", "table", "told", "waiting"),
    "Feedback/Reward/ParDo(_Reward)": ("early", "ledger"),
    "Write recommendation/Delay/Wait": ("behind", "waiting"),
    "Minutes/Of all shards": (),
    "Tell the page/Minutes/SumShards/Of all shards": (),
    "Write feedback/Group": (),
}


def test_steps_with_state_are_those_of_the_last_version() -> None:
    sinks = [
        f"--recommendation_sink={url}" for url in ("sqlite:///shop.db", "redis://localhost:1/0")
    ]
    options = JOB.options(["--input=kafka://localhost:1/clicks", "--feedback=log", *sinks])
    pipeline = Pipeline(options=options.beam)
    JOB.construct(pipeline, options)
    found: dict[str, tuple[str, ...]] = {}
    for step in pipeline.to_runner_api().components.transforms.values():
        if step.spec.urn == common_urns.primitives.GROUP_BY_KEY.urn:
            found[step.unique_name] = ()
        elif step.spec.urn == common_urns.primitives.PAR_DO.urn:
            payload = proto.ParDoPayload.FromString(step.spec.payload)
            state = {*payload.state_specs, *payload.timer_family_specs}
            if state or payload.restriction_coder_id:
                found[step.unique_name] = tuple(sorted(name.removeprefix("ts-") for name in state))
    assert found == STATEFUL
