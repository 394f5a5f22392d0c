"""Rankings of popular items in streams and files against the oracle; sums in any order."""

import random

import apache_beam as beam
import numpy as np
import pytest
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.testing.util import assert_that
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.oracle import rules
from tests.oracle.events import Event
from tests.transforms.batches import batch, rows_of
from transforms.catalogue.source import CatalogueSource
from transforms.columns.frames import FrameCoder
from transforms.messages.availability import Availability
from transforms.messages.popular import ItemCounts
from transforms.windows import popular_chunks
from transforms.windows.item_counts import (
    MergeCappedCounts,
    MergeCounts,
    PaneCounts,
    available,
    distinct,
    top_rows,
)
from transforms.windows.popular import PopularItems
from transforms.windows.popular_chunks import _CountInChunks, _RankChunk

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


class EvenItems(CatalogueSource):
    """A catalogue in which the items of even ids up to 100 are available."""

    def load(self) -> "EvenItems":
        return self

    @property
    def has_features(self) -> bool:
        return False

    def at(self, time: int) -> Availability:
        del time
        return Availability(np.arange(101), np.arange(101) % 2 == 0)

    def __hash__(self) -> int:
        return 7


@settings(deadline=None)
@given(st.dictionaries(st.integers(-9, 110), st.integers(1, 30), max_size=90), st.integers(1, 3))
def test_the_top_of_what_is_available(counted: dict[int, int], size: int) -> None:
    found = available(counts_of(counted), 80, EvenItems(), size)
    left = {item: count for item, count in counted.items() if item % 2 == 0 and 0 <= item <= 100}
    assert rows_of([top_rows(80, found, size)]) == rows_of([top_rows(80, counts_of(left), size)])


@given(st.lists(st.tuples(st.integers(0, 3), ITEM), min_size=1, max_size=40))
def test_distinct_rows_are_counted(pairs: list[tuple[int, int]]) -> None:
    columns, count = distinct(*(np.array(column, np.int64) for column in zip(*pairs, strict=True)))
    found = zip(*(column.tolist() for column in (*columns, count)), strict=True)
    assert list(found) == [(*pair, pairs.count(pair)) for pair in sorted(set(pairs))]


PAIRS = st.lists(
    st.dictionaries(st.tuples(st.sampled_from([0, -1, 5]), ITEM), st.integers(1, 9), max_size=5),
    max_size=6,
)


@given(PAIRS, st.integers(1, 8), st.randoms(use_true_random=False))
def test_capped_sums_are_exact_in_any_order_of_merging(
    parts: list[dict[tuple[int, int], int]], cap: int, shuffle: random.Random
) -> None:
    merge = MergeCappedCounts(cap)
    coder = merge.get_accumulator_coder()
    accumulators = []
    for part in parts:
        user, item, count = (
            (
                np.array(column, np.int64)
                for column in zip(*((*pair, n) for pair, n in part.items()), strict=True)
            )
            if part
            else (np.empty(0, np.int64),) * 3
        )
        counts = PaneCounts(np.full(len(user), 7), user, item, count)
        accumulators.append(merge.add_input(merge.create_accumulator(), counts))
    while len(accumulators) > 1:
        shuffle.shuffle(accumulators)
        merged = merge.merge_accumulators(accumulators[:2])
        accumulators = [coder.decode(coder.encode(merged)), *accumulators[2:]]
    found = merge.extract_output(accumulators[0] if accumulators else [])
    totals = {pair: sum(part.get(pair, 0) for part in parts) for part in parts for pair in part}
    wanted: dict[int, int] = {}
    for (_, item), total in totals.items():
        wanted[item] = wanted.get(item, 0) + min(total, cap)
    assert rows_of([found]) == sorted(wanted.items())


EVENTS = st.lists(
    st.builds(
        Event,
        st.integers(0, 900),
        st.sampled_from([0, -1, 3, 2**63 - 1, -(2**63)]),
        st.integers(-1, 2),
        st.just("pv"),
    ),
    max_size=60,
)
SPANS = st.sampled_from([(60, 20), (90, 60), (80, 80), (100, 30)])
CAPS = st.sampled_from([0, 0, 1, 2, 3])


def lists_of(frames: list) -> dict[int, list[tuple[int, int]]]:
    found: dict[int, list[tuple[int, int]]] = {}
    for end, _, item, count in sorted(rows_of(frames)):
        found.setdefault(end, []).append((item, count))
    return found


@settings(max_examples=8, deadline=None)
@given(EVENTS, SPANS, st.integers(1, 4), CAPS, st.booleans())
def test_windows_over_panes_equal_windows_over_events(
    events: list[Event], spans: tuple[int, int], cuts: int, cap: int, bounded: bool
) -> None:
    window, period = spans
    distinct_events = sorted(set(events))
    blocks = [
        (cut % 2, batch(distinct_events[cut::cuts]))
        for cut in range(cuts)
        if distinct_events[cut::cuts]
    ]
    if cap and not bounded:  # A user is in one shard.
        by_user: dict[int, list[Event]] = {}
        for event in distinct_events:
            by_user.setdefault(event.user, []).append(event)
        blocks = [(user, batch(own)) for user, own in by_user.items()]

    def check(frames: list) -> None:
        assert lists_of(frames) == rules.popular(events, window, period, 5, cap)

    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        rankings = pipeline | beam.Create(blocks) | PopularItems(window, period, 5, bounded, cap)
        assert_that(rankings, check)


@settings(max_examples=200, deadline=None)
@given(EVENTS.filter(len), SPANS, st.integers(1, 4), CAPS, st.integers(1, 3))
def test_chunks_of_files_equal_windows_over_events(
    events: list[Event], spans: tuple[int, int], cuts: int, cap: int, chunk_windows: int
) -> None:
    window, period = spans
    distinct_events = sorted(set(events))
    groups: dict[int, list[bytes]] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(popular_chunks, "CHUNK_WINDOWS", chunk_windows)
        count = _CountInChunks(window, period, cap)
        for cut in range(cuts):
            if block := distinct_events[cut::cuts]:
                for chunk, encoded in count.process((cut, batch(block))):
                    groups.setdefault(chunk, []).append(encoded)
        rank = _RankChunk(window, period, 5, cap, None)
        outputs = [output for group in groups.items() for output in rank.process(group)]
    frames = [output.value for output in outputs]
    assert lists_of(frames) == rules.popular(events, window, period, 5, cap)
    ends = [end for frame in frames for end in set(frame.window_end.tolist())]
    assert len(ends) == len(set(ends)), "a window is in one chunk"


def test_one_user_leads_no_ranking_with_a_cap() -> None:
    robot = [Event(time, 1, 999, "pv") for time in range(600)]
    people = [Event(3 * user, 2 + user % 20, user, "pv") for user in range(200)]
    wanted = rules.popular([*robot, *people], 3600, 80, 17, cap=5)
    found: dict[int, list[tuple[int, int]]] = {}
    count, rank = _CountInChunks(3600, 80, 5), _RankChunk(3600, 80, 17, 5, None)
    for number, encoded in count.process((0, batch(sorted([*robot, *people])))):
        found |= lists_of([output.value for output in rank.process((number, [encoded]))])
    assert found == wanted
    assert found[640][0] == (2, 10)
    assert 1 not in dict(found[640])
    assert rules.popular([*robot, *people])[640][0] == (1, 600)


def test_counts_without_a_cap_do_not_hold_users() -> None:
    events = batch([Event(5, 7, user, "pv") for user in range(1000)])
    counts = PaneCounts.of(events, 80)
    assert rows_of([counts]) == [(0, 0, 7, 1000)]
    assert len(FrameCoder(PaneCounts).encode(counts)) < 80
