"""Recommendations are delayed until the watermark is after their ranking time."""

from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.testing.test_stream import TestStream
from apache_beam.transforms.window import TimestampedValue

from tests.sinks.frames import recommendations
from transforms.columns.hashing import shard_of
from transforms.messages.recommendations import Recommendations
from transforms.shards.delay import DelayUntilWatermark

SHARDS, SECONDS = 3, 2


def frames(time: int) -> list[Recommendations]:
    """A frame for each shard."""
    rows = recommendations(*((user, time, [user, time]) for user in range(30)))
    shard = shard_of(rows.user, SHARDS)
    return [rows.take(shard == number) for number in range(SHARDS)]


EMITTED: list[tuple[int, ...]] = []
"""(user, ranking time, time of emission) of each row; the runner works in this process."""


def keep(rows: Recommendations, timestamp: Any = beam.DoFn.TimestampParam) -> None:
    """Records the rows."""
    for user, time in zip(rows.user.tolist(), rows.time.tolist(), strict=True):
        EMITTED.append((user, time, int(timestamp)))


def test_each_row_is_emitted_once_after_its_delay() -> None:
    times = (100, 120, 121)  # The last two are closer than the delay.
    stream = TestStream().advance_watermark_to(90)
    for time in times:
        stream = stream.advance_watermark_to(time).add_elements(
            [TimestampedValue(frame, time) for frame in frames(time)]
        )
    stream = stream.advance_watermark_to_infinity()

    options = PipelineOptions(streaming=True)
    EMITTED.clear()
    with beam.Pipeline(runner="BundleBasedDirectRunner", options=options) as pipeline:
        _ = pipeline | stream | DelayUntilWatermark(SECONDS, SHARDS) | beam.Map(keep)
    assert sorted(row[:2] for row in EMITTED) == [(u, t) for u in range(30) for t in times]
    # Rows of the last time may be emitted with those of the time before it.
    assert {row[1:] for row in EMITTED} <= {(100, 102), (120, 122), (121, 122), (121, 123)}
