import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.evaluation import metrics


def targets(*sets: set[int]) -> metrics.Targets:
    pairs = [(row, item) for row, wanted in enumerate(sets) for item in sorted(wanted)]
    rows, items = (np.array(column, np.int64) for column in zip(*pairs, strict=True))
    return metrics.Targets(rows, items, np.array([len(wanted) for wanted in sets]))


def hits_of(lists: list[list[int]], *sets: set[int]) -> np.ndarray:
    depth = max(1, *map(len, lists))
    items = np.zeros((len(lists), depth), np.int64)
    for row, ranked in enumerate(lists):
        items[row, : len(ranked)] = ranked
    counts = np.array([len(ranked) for ranked in lists])
    return metrics.find_hits(items, counts, targets(*sets))


def test_hand_worked_numbers():
    # Hits at places 1 and 3 of three targets; at place 2 of one; none.
    sets = ({5, 7, 9}, {2}, {8})
    hits = hits_of([[5, 1, 7, 4], [3, 2], [1, 2, 3]], *sets)
    sizes = targets(*sets).sizes
    ideal = 1 + 1 / math.log2(3) + 1 / 2
    assert metrics.ndcg(hits, sizes, 10) == pytest.approx([1.5 / ideal, 1 / math.log2(3), 0])
    assert metrics.ndcg(hits, sizes, 1) == pytest.approx([1, 0, 0])
    assert metrics.hit_rate(hits, 10).tolist() == [1, 1, 0]
    assert metrics.hit_rate(hits, 1).tolist() == [1, 0, 0]
    assert metrics.reciprocal_rank(hits).tolist() == [1, 0.5, 0]


def test_the_ideal_list_has_no_more_hits_than_places():
    hits = hits_of([[1, 2]], {1, 2, 3, 4})
    assert metrics.ndcg(hits, np.array([4]), 2).tolist() == [1.0]


def test_what_lies_beyond_a_lists_length_is_no_hit():
    got = metrics.find_hits(np.array([[7, 0, 0]]), np.array([1]), targets({0}))
    assert not got.any()


lists = st.lists(st.lists(st.integers(-5, 12), unique=True, max_size=8), min_size=1, max_size=6)


@settings(max_examples=200, deadline=None)
@given(lists, st.data(), st.integers(1, 9))
def test_against_a_plain_loop(ranked, data, k):
    sets = [data.draw(st.sets(st.integers(-5, 12), min_size=1)) for _ in ranked]
    hits = hits_of([*ranked, []][: len(ranked)], *sets)
    sizes = np.array([len(wanted) for wanted in sets])
    for row, (shown, wanted) in enumerate(zip(ranked, sets, strict=True)):
        gains = [1 / math.log2(at + 2) for at, item in enumerate(shown[:k]) if item in wanted]
        best = sum(1 / math.log2(at + 2) for at in range(min(k, len(wanted))))
        places = [at for at, item in enumerate(shown) if item in wanted]
        assert metrics.ndcg(hits, sizes, k)[row] == pytest.approx(sum(gains) / best)
        assert metrics.hit_rate(hits, k)[row] == bool(gains)
        first = 1 / (places[0] + 1) if places else 0
        assert metrics.reciprocal_rank(hits)[row] == pytest.approx(first)


def test_coverage_counts_different_items_and_skips_missing_ones():
    assert metrics.covered(np.array([[0, 1], [1, -1]]), 4) == 0.5


def test_intervals_hold_the_value_and_follow_the_seed():
    values = np.random.default_rng(1).random(300)
    got = metrics.mean_interval(values, metrics.resample(300, 0, 1000))
    # The textbook's interval: 1.96 standard errors either side of the mean.
    error = 1.96 * values.std() / math.sqrt(300)
    assert got.value == pytest.approx(values.mean())
    assert (got.low, got.high) == pytest.approx((got.value - error, got.value + error), abs=0.004)
    assert got == metrics.mean_interval(values, metrics.resample(300, 0, 1000))
    assert got != metrics.mean_interval(values, metrics.resample(300, 1, 1000))


def test_coverages_interval_lies_around_its_value():
    codes = np.random.default_rng(2).integers(0, 200, (1, 60, 3))
    got = metrics.coverage_interval(codes, 200, metrics.resample(60, 0, 500))
    assert got.low < got.value < got.high
    assert got.value == len(np.unique(codes)) / 200


def test_ratio_of_means():
    got = metrics.ratio_interval(
        np.array([1.0, 3.0]), np.array([1.0, 1.0]), metrics.resample(2, 0, 200)
    )
    assert (got.value, got.low, got.high) == (2.0, 1.0, 3.0)
