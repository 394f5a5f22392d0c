"""Events by minute, for any split, pane and source, against counting in plain Python."""

from collections import Counter

import apache_beam as beam
import numpy as np
import pytest
from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions
from apache_beam.testing.test_stream import TestStream
from apache_beam.testing.util import assert_that
from hypothesis import given
from hypothesis import strategies as st

from transforms.messages.events import EventBatch
from transforms.messages.minutes import EventMinutes
from transforms.windows.minutes import CountMinutes
from transforms.windows.panes import ClosePanes

ROWS = st.lists(
    st.tuples(st.integers(0, 9000), st.integers(0, 3)), min_size=1, max_size=60, unique=True
)


def batch(rows: list[tuple[int, int]]) -> EventBatch:
    time, behavior = (np.array(column) for column in zip(*rows, strict=True))
    item = np.arange(len(rows))
    return EventBatch(item % 7, item, behavior.astype(np.int8), time.astype(np.int64))


def counted(rows: list[tuple[int, int]]) -> dict[int, list[int]]:
    """Counts in plain Python."""
    found = Counter((time // 60 * 60, behavior) for time, behavior in rows)
    return {minute: [found[minute, behavior] for behavior in range(4)] for minute, _ in found}


def table(frames: list[EventMinutes]) -> dict[int, list[int]]:
    rows = [pair for f in frames for pair in zip(f.minute.tolist(), f.events.tolist(), strict=True)]
    assert len({minute for minute, _ in rows}) == len(rows)
    return dict(rows)


@given(ROWS, st.integers(1, 5))
def test_counts_of_pieces_add_up(rows: list[tuple[int, int]], parts: int) -> None:
    pieces = [EventMinutes.of(batch(rows[n::parts])) for n in range(parts) if rows[n::parts]]
    assert table([EventMinutes.merged(pieces)]) == counted(rows)


@pytest.mark.parametrize("pane", [20, 45, 600])
def test_a_stream_gives_each_minute_once(pane: int) -> None:
    rng = np.random.default_rng(1)
    rows = [(int(time), int(time) % 4) for time in rng.integers(0, 1800, 120)]
    stream = TestStream().advance_watermark_to(0)
    for start in range(0, 1800, 20):
        now = [row for row in rows if start <= row[0] < start + 20]
        if now:
            stream = stream.add_elements([beam.window.TimestampedValue(batch(now), start)])
        stream = stream.advance_watermark_to(start + 20)
    options = PipelineOptions()
    options.view_as(StandardOptions).streaming = True

    def check(frames: list[EventMinutes]) -> None:
        assert table(frames) == counted(rows)

    with beam.Pipeline(runner="BundleBasedDirectRunner", options=options) as pipeline:
        closed = pipeline | stream.advance_watermark_to_infinity() | ClosePanes(pane, 3, False)
        assert_that(closed.blocks | CountMinutes(pane, bounded=False), check)
