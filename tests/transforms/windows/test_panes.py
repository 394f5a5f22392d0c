"""Closed blocks are complete, sorted and free of duplicates, for any order of arrival."""

import random
from collections import defaultdict

import apache_beam as beam
import numpy as np
import pytest
from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions
from apache_beam.testing.test_stream import TestStream
from apache_beam.testing.util import assert_that
from hypothesis import given
from hypothesis import strategies as st

from tests.oracle.events import BEHAVIORS, Event
from tests.transforms.batches import batch, events_of
from transforms.columns.frames import FrameCoder
from transforms.columns.hashing import shard_of
from transforms.shards.keys import shard_keys
from transforms.windows import panes
from transforms.windows.panes import ClosePanes, _ClosePane, _SplitByPane, pane_seconds

EVENT = st.builds(
    Event, st.integers(0, 500), st.integers(-2, 2), st.integers(-3, 9), st.sampled_from(BEHAVIORS)
)


class OnTime:
    """The info of a pane that fires when the watermark passes its end."""

    timing = None


@given(
    st.lists(st.lists(EVENT, min_size=1, max_size=20), min_size=1, max_size=5),
    st.integers(1, 4),
    st.integers(1, 30),
)
def test_blocks_of_files_hold_each_event_once_in_whole_panes(
    batches: list[list[Event]], shards: int, rows: int
) -> None:
    pane = 20
    groups: dict[int, list[bytes]] = defaultdict(list)
    split = _SplitByPane(pane, shards, bounded=True)
    for events in batches:
        for shard, encoded in split.process(batch(events)):
            groups[shard].append(encoded)
    delivered = [event for events in batches for event in events]
    found: list[Event] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(panes, "BLOCK_ROWS", rows)
        for shard, parts in groups.items():
            last = -1
            for closed in _ClosePane(pane, shards).process((shard, parts), OnTime()):
                key, block = closed.value
                events = events_of(block)
                assert key == shard_keys(shards)[shard]
                assert {int(shard_of(np.array([e.user]), shards)[0]) for e in events} == {shard}
                assert events == sorted(events, key=by_user)
                first = min(event.time for event in events) // pane
                assert first > last, "a pane is in one block, and blocks are in order"
                last = max(event.time for event in events) // pane
                assert last * pane < float(closed.timestamp) < (last + 1) * pane
                found += events
    assert sorted(found) == sorted(set(delivered))


def test_the_pane_divides_every_window_and_period() -> None:
    assert pane_seconds(3600, 80, 60, 20, 600) == 20
    assert pane_seconds(7, 5) == 1


def test_a_watermark_that_stalls_and_jumps_closes_each_pane_once_and_finds_late_events() -> None:
    rng = random.Random(3)
    on_time = [Event(rng.randrange(400), rng.randrange(5), 1, "pv") for _ in range(80)]
    by_time = {100: [], 100.5: [], 300: [], 400: []}
    for event in on_time:
        by_time[next(time for time in by_time if event.time < time)].append(event)
    stream = TestStream().advance_watermark_to(0)
    late = [Event(5, 1, 1, "pv"), Event(290, 2, 1, "buy")]
    for time, events in by_time.items():
        # The watermark stalls while events of much later times arrive.
        if events:
            stream = stream.add_elements([stamped(events)])
        stream = stream.advance_watermark_to(time)
    for event in late:
        stream = stream.add_elements([stamped([event])])
    stream = stream.advance_watermark_to_infinity()

    def check(wanted: list[Event]):  # type: ignore[no-untyped-def]
        def compare(blocks: list) -> None:
            found = [event for block in blocks for event in events_of(block)]
            assert sorted(found) == sorted(set(wanted))

        return compare

    options = PipelineOptions()
    options.view_as(StandardOptions).streaming = True
    with beam.Pipeline(runner="BundleBasedDirectRunner", options=options) as pipeline:
        closed = pipeline | stream | ClosePanes(20, 2, bounded=False)
        assert_that(closed.blocks | beam.Values(), check(on_time), label="on time")
        assert_that(closed.late, check(late), label="late")


def stamped(events: list[Event]) -> beam.window.TimestampedValue:
    return beam.window.TimestampedValue(batch(events), min(event.time for event in events))


def by_user(event: Event) -> tuple[int, int, int, int]:
    return event.user, event.time, event.item, BEHAVIORS.index(event.behavior)


def test_grouped_values_are_encoded_batches() -> None:
    events = [Event(5, 1, 1, "pv"), Event(25, 2, 7, "buy")]
    keyed = [element.value for element in _SplitByPane(20, 2, bounded=False).process(batch(events))]
    assert {key // 2 for key, _ in keyed} == {0, 1}
    decoded = [FrameCoder(type(batch(events))).decode(encoded) for _, encoded in keyed]
    assert sorted(event for block in decoded for event in events_of(block)) == events
