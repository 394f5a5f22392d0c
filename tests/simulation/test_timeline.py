"""The times of events: counts, rates, sessions and breaks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulation import timeline as lines
from simulation.timeline import Timeline, TooFewUsersError, fastest_rate, timeline

START = 1_700_000_000


def make(seed: int, users: int, events: int, rate: float) -> Timeline:
    return timeline(np.random.default_rng(seed), users, events, rate, START)


@given(
    seed=st.integers(0, 1000),
    users=st.integers(1, 300),
    events=st.integers(1, 2000),
    load=st.floats(0.01, 1.0),
)
def test_it_has_the_requested_events_in_order(
    seed: int, users: int, events: int, load: float
) -> None:
    line = make(seed, users, events, load * fastest_rate(users))
    assert len(line.user) == len(line.time) == events
    assert line.user.min() >= 0
    assert line.user.max() < users
    assert line.time.min() >= START
    same_user = np.diff(line.user) == 0
    assert (np.diff(line.user) >= 0).all()
    assert (np.diff(line.time)[same_user] >= 1).all()


@pytest.mark.parametrize("rate", [20.0, 100.0, 330.0])
def test_the_rate_is_constant(rate: float) -> None:
    line = make(1, 10_000, 300_000, rate)
    span = line.time.max() - START
    assert span == pytest.approx(300_000 / rate, rel=0.05)
    parts = np.bincount((line.time - START) * 10 // (span + 1))
    assert parts == pytest.approx(np.full(10, 30_000), rel=0.1)


def test_gaps_have_the_mean_that_rates_are_computed_with() -> None:
    rng = np.random.default_rng(0)
    gap = np.exp(rng.normal(np.log(lines.GAP_MEDIAN), lines.GAP_SPREAD, 1_000_000))
    clipped = np.clip(np.rint(gap), 1, lines.GAP_MAX)
    assert clipped.mean() == pytest.approx(lines.GAP_MEAN, abs=0.05)


def test_sessions_are_5_to_20_events_over_minutes() -> None:
    # At this low rate, breaks are much longer than the gaps in a session.
    line = make(2, 5_000, 200_000, 5.0)
    cut = (np.diff(line.user) != 0) | (np.diff(line.time) > 300)
    first = np.concatenate(([0], np.flatnonzero(cut) + 1))
    length = np.diff(np.append(first, len(line.time)))
    # Some sessions are cut by the stream's ends, arrivals or departures; a few breaks are short.
    assert np.mean((length >= 5) & (length <= 20)) > 0.95
    assert np.mean(length) == pytest.approx(12.5, rel=0.05)
    span = line.time[np.append(first[1:], len(line.time)) - 1] - line.time[first]
    assert 60 < np.median(span) < 240


def test_users_arrive_and_leave() -> None:
    line = make(3, 4_000, 400_000, 100.0)
    span = 400_000 / 100.0
    users, first = np.unique(line.user, return_index=True)
    last = np.append(first[1:], len(line.user)) - 1
    begins, ends = line.time[first] - START, line.time[last] - START
    assert 0.15 < np.mean(begins > span / 4) < 0.35
    assert 0.15 < np.mean(ends < span * 3 / 4) < 0.35
    counts = np.bincount(line.user)[users]
    assert np.percentile(counts, 90) > 3 * np.percentile(counts, 10)
    assert np.mean(counts >= 10) > 0.9


def test_a_rate_beyond_the_users_is_refused_with_the_number_that_is_necessary() -> None:
    with pytest.raises(TooFewUsersError, match="at least") as refused:
        make(0, 100, 1000, 500.0)
    least = int(str(refused.value).split("at least ")[1].split()[0])
    assert len(make(0, least, 1000, 500.0).time) == 1000
