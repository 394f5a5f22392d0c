"""Packed keys sort as their columns do, for any values."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from transforms.columns.packing import order, pack

SPANS = st.sampled_from([(0, 0), (0, 3), (-9, 9), (-(2**40), 2**40), (-(2**63), 2**63 - 1)])


@st.composite
def columns(draw: st.DrawFn) -> list[np.ndarray]:
    rows = draw(st.integers(1, 40))
    made = []
    for low, high in draw(st.lists(SPANS, min_size=1, max_size=4)):
        values = draw(st.lists(st.integers(low, high), min_size=rows, max_size=rows))
        made.append(np.array(values, np.int64))
    return made


@given(columns())
def test_order_equals_lexsort(made: list[np.ndarray]) -> None:
    assert order(*made).tolist() == np.lexsort(made[::-1]).tolist()


@given(columns())
def test_unpacked_columns_are_unchanged(made: list[np.ndarray]) -> None:
    packed = pack(*made)
    if packed is not None:
        assert [c.tolist() for c in packed.columns(packed.key)] == [c.tolist() for c in made]


def test_columns_that_do_not_fit_are_refused() -> None:
    wide = np.array([0, 2**63 - 1])
    assert pack(wide, np.array([0, 1])) is not None
    assert pack(wide, np.array([0, 2])) is None
    assert pack(np.array([0, 1]), spare=64) is None
