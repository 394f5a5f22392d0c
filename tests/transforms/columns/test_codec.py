"""Encoded columns are decoded unchanged; incomplete bytes are refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.columns.codec import ColumnFormatError, read_columns, write_columns
from transforms.columns.frames import FrameCoder
from transforms.messages.events import EventBatch

INT64 = st.integers(-(2**63), 2**63 - 1)


@given(st.lists(st.tuples(INT64, INT64, st.integers(0, 3), INT64)))
def test_any_batch_is_decoded_unchanged(rows: list[tuple[int, int, int, int]]) -> None:
    columns = [list(column) for column in zip(*rows, strict=True)] or [[], [], [], []]
    user, item, behavior, time = columns
    batch = EventBatch(
        np.array(user, np.int64),
        np.array(item, np.int64),
        np.array(behavior, np.int8),
        np.array(time, np.int64),
    )
    coder = FrameCoder(EventBatch)
    back = coder.decode(coder.encode(batch))
    assert len(back) == len(rows)
    for name in ("user", "item", "behavior", "time"):
        column = getattr(back, name)
        assert column.dtype == getattr(batch, name).dtype
        assert column.tolist() == getattr(batch, name).tolist()


def test_shapes_and_dtypes_are_kept() -> None:
    columns = (
        np.arange(6, dtype=np.int64).reshape(2, 3) - 7,
        np.array([[0.5], [1.5]], np.float32),
        np.array([True, False]),
        np.zeros((0, 4), np.int64),
        np.array([1e300], np.float64),
        np.array([-5, 5], np.int32),
    )
    back = read_columns(write_columns(columns))
    assert len(back) == len(columns)
    for column, was in zip(back, columns, strict=True):
        assert column.dtype == was.dtype
        assert column.shape == was.shape
        assert column.tolist() == was.tolist()


def test_an_event_of_a_pane_takes_ten_bytes() -> None:
    rng = np.random.default_rng(1)
    n = 10_000
    batch = EventBatch(
        rng.integers(0, 1_000_000, n),
        rng.integers(0, 1_000_000, n),
        rng.integers(0, 4, n).astype(np.int8),
        rng.integers(1_511_544_000, 1_511_544_020, n),
    )
    assert len(FrameCoder(EventBatch).encode(batch)) < 10 * n + 100


def test_other_versions_and_incomplete_bytes_are_refused() -> None:
    encoded = write_columns((np.arange(1000, dtype=np.int64),))
    with pytest.raises(ColumnFormatError, match="another version"):
        read_columns(b"\x09" + encoded[1:])
    for end in (0, 1, 4, 20, len(encoded) - 1):
        with pytest.raises(ColumnFormatError, match="cut short"):
            read_columns(encoded[:end])
