"""Rankings through Beam's SlidingWindows against counting by hand; sums in any order."""

import random

import apache_beam as beam
import numpy as np
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.testing.util import assert_that
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.oracle import rules
from tests.oracle.events import Event
from tests.transforms.batches import batch, rows_of
from transforms.messages.popular import ItemCounts
from transforms.windows.popular import MergeCounts, PopularItems, _counted, top_rows

ITEM = st.one_of(st.integers(0, 9), st.integers(-(2**63), 2**63 - 1))
COUNTS = st.dictionaries(ITEM, st.integers(1, 50), max_size=8)


def counts_of(counted: dict[int, int]) -> ItemCounts:
    return ItemCounts(np.array(list(counted), np.int64), np.array(list(counted.values()), np.int64))


@given(st.lists(COUNTS, max_size=6), st.randoms(use_true_random=False))
def test_sums_are_the_same_in_any_order_of_merging(
    parts: list[dict[int, int]], shuffle: random.Random
) -> None:
    merge = MergeCounts()
    accumulators = []
    for part in parts:
        if accumulators and shuffle.random() < 0.5:
            accumulators[-1] = merge.add_input(accumulators[-1], counts_of(part))
        else:
            accumulators.append(merge.add_input(merge.create_accumulator(), counts_of(part)))
    while len(accumulators) > 1:
        shuffle.shuffle(accumulators)
        cut = shuffle.randrange(2, len(accumulators) + 1)
        accumulators = [merge.merge_accumulators(accumulators[:cut]), *accumulators[cut:]]
    found = merge.extract_output(accumulators[0] if accumulators else merge.merge_accumulators([]))
    wanted = {item: sum(part.get(item, 0) for part in parts) for part in parts for item in part}
    assert found.item.tolist() == sorted(wanted)
    assert dict(zip(found.item.tolist(), found.count.tolist(), strict=True)) == wanted


@given(st.dictionaries(ITEM, st.integers(1, 3), min_size=1, max_size=60), st.integers(1, 5))
def test_the_top_is_by_count_and_then_by_the_smaller_item(
    counted: dict[int, int], size: int
) -> None:
    best = sorted(counted.items(), key=lambda pair: (-pair[1], pair[0]))[:size]
    found = top_rows(80, counts_of(counted), size)
    assert rows_of([found]) == [
        (80, rank, item, count) for rank, (item, count) in enumerate(best, 1)
    ]


@given(st.lists(st.tuples(st.integers(0, 3), ITEM), min_size=1, max_size=40))
def test_a_block_is_counted_by_pane_and_item(pairs: list[tuple[int, int]]) -> None:
    pane, item = (np.array(column, np.int64) for column in zip(*pairs, strict=True))
    found = zip(*(column.tolist() for column in _counted(pane, item)), strict=True)
    assert list(found) == [(*pair, pairs.count(pair)) for pair in sorted(set(pairs))]


@settings(max_examples=3, deadline=None)
@given(
    st.lists(
        st.builds(Event, st.integers(0, 900), st.integers(0, 6), st.integers(0, 3), st.just("pv")),
        max_size=50,
    ),
    st.sampled_from([(60, 20), (90, 60), (80, 80), (100, 30)]),
    st.integers(1, 4),
)
def test_sliding_windows_over_panes_are_windows_over_events(
    events: list[Event], spans: tuple[int, int], cuts: int
) -> None:
    window, period = spans
    different = sorted(set(events))
    blocks = [(0, batch(different[cut::cuts])) for cut in range(cuts) if different[cut::cuts]]

    def check(frames: list) -> None:
        found: dict[int, list[tuple[int, int]]] = {}
        for end, _, item, count in sorted(rows_of(frames)):
            found.setdefault(end, []).append((item, count))
        assert found == rules.popular(events, window, period, 5)

    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        rankings = pipeline | beam.Create(blocks) | PopularItems(window, period, 5)
        assert_that(rankings, check)
