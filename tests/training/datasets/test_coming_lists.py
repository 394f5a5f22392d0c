"""What follows a list, against a loop over each user's lists."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from training.datasets.batches import Batch
from training.datasets.coming_lists import with_coming
from training.datasets.lists import ShownLists

ROWS = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 50), st.integers(-2, 3)),
    min_size=1,
    max_size=30,
    unique_by=lambda row: row[:2],
)
"""User, time, reward."""


def lists_of(rows: list[tuple[int, int, int]]) -> ShownLists:
    users, times, rewards = (np.array(column) for column in zip(*rows, strict=True))
    n = len(rows)
    return ShownLists.of(
        histories=np.arange(n)[:, None],
        lengths=np.ones(n, np.int64),
        users=users,
        items=np.zeros((n, 2), np.int64),
        rewards=np.stack([rewards, np.zeros(n)], axis=1).astype(np.float32),
        propensities=np.ones((n, 2), np.float32),
        times=times,
    )


@given(ROWS, st.sampled_from([0.0, 0.5, 0.9]), st.sampled_from([0, 7]))
def test_against_a_loop(rows: list[tuple[int, int, int]], gamma: float, unit: int) -> None:
    found = with_coming(lists_of(rows), gamma, unit)
    until = max(time for _, time, _ in rows)

    def future(user: int, time: int, mean: float) -> float:
        later = sorted(row for row in rows if row[0] == user and row[1] > time)
        total, at, factor = 0.0, time, 1.0
        for _, moment, reward in later:
            factor *= gamma ** ((moment - at) / unit) if unit else gamma
            total, at = total + factor * reward, moment
        rest = gamma ** ((until - at) / unit) if unit else gamma
        return total + factor * rest * mean if gamma else 0.0

    # The mean value of a list satisfies its own equation.
    zero = np.mean([row[2] + future(*row[:2], 0.0) for row in rows])
    one = np.mean([row[2] + future(*row[:2], 1.0) for row in rows])
    if 1 - (one - zero) < 1e-6:  # all lists are at the end of the log: there is nothing to see
        return
    mean = zero / (1 - (one - zero))
    by_key = {key: at for at, key in enumerate(zip(found.users, found.times, strict=True))}
    for row in rows:
        at = by_key[row[:2]]
        assert found.future[at] == pytest.approx(future(*row[:2], mean), rel=1e-4, abs=1e-4)
        later = sorted(other for other in rows if other[0] == row[0] and other[1] > row[1])
        assert found.cut[at] == (not later and gamma > 0)
        if gamma and later:
            assert found.next_histories[at, 0] == rows.index(later[0])
            steps = (later[0][1] - row[1]) / unit if unit else 1
            assert found.discount[at] == pytest.approx(gamma**steps)
        else:
            assert found.discount[at] == 0


def test_a_batch_of_lists_has_returns_and_no_terminal() -> None:
    found = with_coming(lists_of([(0, 1, 1), (0, 2, 4), (1, 5, 2)]), 0.5)
    batch = Batch.of(found, torch.device("cpu"))
    assert batch.discounts(0.9).tolist() == [0.5, 0.0, 0.0]
    assert batch.valued[:, 0].tolist() == [True, False, False]
    histories, _ = batch.next_histories(unknown=99)
    assert histories[0].tolist() == [1]
    # m = mean(R + a) / (1 - mean b) with a = 2, 0, 0 and b = 1/4, 1/2, 1/2.
    mean = (3 + 4 + 2) / 3 / (1 - 1.25 / 3)
    futures = [2 + mean / 4, mean / 2, mean / 2]
    assert batch.returns[:, 1].tolist() == pytest.approx(futures)
    assert (batch.returns - batch.rewards)[:, 0].tolist() == pytest.approx(futures)
