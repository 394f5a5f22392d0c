"""Partitioning events by user."""

import apache_beam as beam
import numpy as np
from apache_beam.testing.util import assert_that

from tests.sinks.frames import events
from transforms.columns.hashing import shard_of
from transforms.messages.events import EventBatch
from transforms.shards.by_user import PartitionByUser

SHARDS = 3
BATCHES = [
    events(*((user, number * 100 + user, "pv", number) for user in range(20)))
    for number in range(1, 4)
]


def test_no_event_is_lost_and_a_batch_holds_one_shard() -> None:
    def check(batches: list[EventBatch]) -> None:
        assert {len(set(shard_of(batch.user, SHARDS).tolist())) for batch in batches} == {1}
        found_events = EventBatch.concat(batches).ordered()
        wanted = EventBatch.concat(BATCHES).ordered()
        for found, expected in zip(found_events.columns(), wanted.columns(), strict=True):
            np.testing.assert_array_equal(found, expected)

    with beam.Pipeline() as pipeline:
        assert_that(pipeline | beam.Create(BATCHES) | PartitionByUser(SHARDS), check)
