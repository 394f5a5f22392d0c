"""Ids find their rows, dense or sparse, and all others the last row."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from inference.models.ids import IdMap

INT64 = st.integers(-(2**63), 2**63 - 1)
NARROW = st.integers(-20, 40)


@given(
    st.one_of(st.lists(INT64, unique=True), st.lists(NARROW, unique=True)),
    st.lists(st.one_of(INT64, NARROW)),
)
@example([-(2**63)], [2**63 - 1])
@example([2**63 - 1, 2**63 - 2], [-(2**63)])
def test_rows_are_those_of_a_dictionary(ids: list[int], asked: list[int]) -> None:
    rows = {raw: row for row, raw in enumerate(ids)}
    id_map = IdMap(np.array(ids, np.int64))
    wanted = [rows.get(raw, len(ids)) for raw in asked + ids]
    assert id_map.rows(np.array(asked + ids, np.int64)).tolist() == wanted
    assert id_map.unknown == len(id_map) == len(ids)


def test_any_shape() -> None:
    id_map = IdMap(np.array([5, 3]))
    assert id_map.rows(np.array([[3, 4], [5, 3]])).tolist() == [[1, 2], [0, 1]]


def test_an_id_with_two_rows_is_refused() -> None:
    with pytest.raises(ValueError, match="two rows"):
        IdMap(np.array([5, 3, 5]))
