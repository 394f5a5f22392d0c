"""The loop's rounds run, and repeat."""

import numpy as np
import pytest

from benchmarks.loop.__main__ import tables
from benchmarks.loop.arms import left_aligned
from benchmarks.loop.rounds import EXPLORING, FIRST, LoopSettings, rounds_in


def test_histories_are_aligned_to_the_left() -> None:
    rows, lengths = left_aligned(np.array([[0, 0, 4, 5], [1, 2, 3, 4], [0, 0, 0, 0]]))
    assert lengths.tolist() == [2, 4, 0]
    assert rows[0, :2].tolist() == [4, 5]
    assert rows[1].tolist() == [1, 2, 3, 4]


@pytest.mark.slow
def test_rounds_of_all_arms() -> None:
    options = LoopSettings(rounds=2, users=30, items=60, seconds=200, warm=400, epochs=1, states=50)
    found = rounds_in(options, 1)
    again = rounds_in(options, 1)
    assert found == again
    assert found[FIRST].closed == [0.0, 0.0]
    assert all(len(one.regret) == 2 and min(one.regret) > 0 for one in found.values())
    assert found[EXPLORING].closed != [0.0, 0.0]
    closed, regret = tables([found, found])
    assert (closed.row_count, regret.row_count) == (2, 2)
