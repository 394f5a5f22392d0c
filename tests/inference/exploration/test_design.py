"""Inclusion probabilities and draws against enumeration in plain Python."""

import math
from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from inference.exploration.design import ONE, epsilon, exponential, softmax, systematic
from inference.exploration.keyed import numbers, seeds
from tests.oracle import exploration as oracle

SCORES = st.lists(st.floats(-1, 1), min_size=2, max_size=12).map(lambda s: sorted(s)[::-1])
TEMPERATURES = st.sampled_from([1e-4, 0.01, 0.05, 0.3, 2.0, 100.0])


def places_of(candidates: int) -> st.SearchStrategy[int]:
    return st.integers(1, candidates - 1)


@given(st.data(), SCORES, TEMPERATURES)
def test_softmax_is_the_oracles(data: st.DataObject, scores: list[float], t: float) -> None:
    places = data.draw(places_of(len(scores)))
    wide = np.full((2, 14), -5.0)  # Columns beyond a row's candidates are ignored.
    wide[:, : len(scores)] = scores
    found = softmax(wide, np.full(2, len(scores)), places, t)
    assert found.sum(axis=1).tolist() == [places * ONE] * 2
    assert found.min() >= 0
    assert found.max() <= ONE
    assert not found[:, len(scores) :].any()
    wanted = oracle.softmax(scores, places, t)
    np.testing.assert_allclose(found[0, : len(scores)] / ONE, wanted, atol=1e-10)


@given(st.data(), st.integers(2, 40), st.sampled_from([1e-12, 0.001, 0.1, 0.5, 1.0]))
def test_epsilon_is_the_oracles(data: st.DataObject, candidates: int, share: float) -> None:
    places = data.draw(places_of(candidates))
    found = epsilon(np.array([candidates]), 45, places, share)
    assert found.sum() == places * ONE
    assert not found[:, candidates:].any()
    wanted = oracle.whole(oracle.epsilon(candidates, places, share), places)
    assert found[0, :candidates].tolist() == wanted


@given(st.floats(-700, 0))
def test_exponential_is_exp(x: float) -> None:
    assert exponential(np.array([x]))[0] == pytest.approx(math.exp(x), rel=1e-14)


@settings(max_examples=40, deadline=None)
@given(st.data(), st.lists(st.integers(0, 60), min_size=2, max_size=5))
def test_the_draws_have_exactly_the_inclusion_probabilities(
    data: st.DataObject, weights: list[int]
) -> None:
    places = data.draw(places_of(len(weights)))
    scores = [math.log(weight + 1e-3) for weight in sorted(weights)[::-1]]
    inclusion = softmax(np.array([scores]), np.array([len(scores)]), places, 1.0)[0].tolist()
    samples = oracle.sample_probabilities(inclusion)
    assert sum(samples.values()) == 1
    assert {len(sample) for sample in samples} == {places}
    for candidate, part in enumerate(inclusion):
        total = sum((p for sample, p in samples.items() if candidate in sample), Fraction(0))
        assert total == Fraction(part, ONE)


@pytest.mark.parametrize(
    "inclusion",
    [
        epsilon(np.array([5]), 5, 2, 0.3)[0].tolist(),
        softmax(np.array([[0.9, 0.5, 0.4, 0.1]]), np.array([4]), 2, 0.2)[0].tolist(),
        softmax(np.array([[0.9, 0.1, 0.1, 0.05, 0.0]]), np.array([5]), 3, 0.1)[0].tolist(),
    ],
    ids=["epsilon", "softmax", "softmax with a certain item"],
)
def test_the_frequencies_of_samples_are_those_of_the_enumeration(inclusion: list[int]) -> None:
    draws = 40_000
    drawn = systematic(np.tile(inclusion, (draws, 1)), seeds(7, np.arange(draws)))
    counts = Counter(tuple(np.flatnonzero(row).tolist()) for row in drawn)
    samples = oracle.sample_probabilities(inclusion)
    assert set(counts) <= set(samples)
    expected = [float(p) * draws for p in samples.values()]
    found = [counts[sample] for sample in samples]
    assert stats.chisquare(found, expected).pvalue > 1e-4


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=6))
def test_draws_are_the_oracles_in_any_batch(users: list[int]) -> None:
    inclusion = epsilon(np.full(len(users), 9), 9, 3, 0.4)
    seed = seeds(11, np.array(users))
    drawn = systematic(inclusion, seed)
    for row, user in enumerate(users):
        assert int(seed[row]) == oracle.seed_of(11, user)
        wanted = oracle.systematic(inclusion[row].tolist(), oracle.seed_of(11, user))
        assert np.flatnonzero(drawn[row]).tolist() == wanted


def test_random_numbers_never_change() -> None:
    """A replay with a later version shows the same lists."""
    seed = seeds(1, np.array([-2, 3]))
    assert seed.tolist() == [13996643678574006263, 9716232063330790915]
    assert numbers(seed, 2).tolist() == [
        [16192449397257467738, 18418002559202989219],
        [15354349423939954581, 10641200190972949887],
    ]
