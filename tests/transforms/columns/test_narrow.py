"""Columns that stay encoded against the decoded ones."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.columns.codec import find_columns, write_columns
from transforms.columns.narrow import NarrowColumn

INT64S = st.one_of(
    st.integers(-(2**63), 2**63 - 1), st.integers(0, 300), st.sampled_from([-(2**63), 2**63 - 1])
)


def narrow(column: np.ndarray) -> NarrowColumn:
    (encoded,) = find_columns(write_columns([column]))
    return NarrowColumn(encoded)


@given(st.lists(INT64S, max_size=20), st.lists(INT64S, max_size=20))
def test_ranges_are_the_rows_with_the_value(values: list[int], others: list[int]) -> None:
    column = np.sort(np.array(values, np.int64))
    wanted = np.array([*others, *values], np.int64)
    first, end = narrow(column).ranges(wanted)
    for value, start, stop in zip(wanted.tolist(), first.tolist(), end.tolist(), strict=True):
        np.testing.assert_array_equal(np.flatnonzero(column == value), np.arange(start, stop))


@pytest.mark.parametrize(
    "column",
    [
        np.array([[1, -5], [2**62, 9], [3, 3]], np.int64),
        np.array([[4, 4], [4, 4]], np.int64),
        np.array([1, 0, 3], np.int8),
        np.array([[True, False], [False, False]]),
        np.array([0.5, 0, 0.25], np.float32),
        np.array([b"a", b"bc"]),
        np.zeros((0, 3), np.int64),
    ],
)
def test_rows_are_decoded(column: np.ndarray) -> None:
    rows = np.arange(len(column))[::-2]
    found = narrow(column).take(rows)
    assert found.dtype == column.dtype
    np.testing.assert_array_equal(found, column[rows])
