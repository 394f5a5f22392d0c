"""Ranked lists: empty ones, deterministic ones, and parts of them."""

import numpy as np

from transforms.messages.ranked_lists import POLICY_BYTES, RankedLists


def test_empty_lists_have_room_and_no_items() -> None:
    lists = RankedLists.empty(3, 8)
    assert len(lists) == 3
    assert lists.items.shape == lists.propensities.shape == (3, 8)
    assert lists.items.dtype == lists.length.dtype == np.int64
    assert lists.propensities.dtype == np.float32
    assert not lists.items.any()
    assert not lists.length.any()
    assert set(lists.policy.tolist()) == {b""}


def test_a_deterministic_policy_shows_its_items_with_certainty() -> None:
    items = np.array([[5, 6, 7], [8, 0, 0], [0, 0, 0]])
    lists = RankedLists.deterministic(items, np.array([3, 1, 0]), b"model-1")
    assert lists.propensities.tolist() == [[1, 1, 1], [1, 0, 0], [0, 0, 0]]
    assert lists.policy.tolist() == [b"model-1"] * 3
    assert RankedLists.deterministic(items, np.zeros(3, np.int64)).policy.tolist() == [b""] * 3


def test_a_label_is_cut_to_its_limit() -> None:
    lists = RankedLists.deterministic(np.zeros((1, 2), np.int64), np.zeros(1, np.int64), b"x" * 99)
    assert lists.policy.tolist() == [b"x" * POLICY_BYTES]


def test_rows_are_taken_by_position_and_by_slice() -> None:
    lists = RankedLists.deterministic(np.arange(12).reshape(4, 3), np.array([3, 2, 1, 0]), b"m")
    assert lists.take(slice(1, 3)).items.tolist() == [[3, 4, 5], [6, 7, 8]]
    part = lists.take(np.array([3, 0]))
    assert part.length.tolist() == [0, 3]
    assert part.propensities.tolist() == [[0, 0, 0], [1, 1, 1]]
