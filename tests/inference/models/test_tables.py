"""Tables and id maps: what they claim is checked against their content."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.models.files import ModelError
from inference.models.ids import IdMap
from inference.models.tables import ids_bytes, parse_ids, parse_table

PATH = Path("dir/file")


def npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


@given(st.lists(st.integers(-(2**63), 2**63 - 1), unique=True))
def test_ids_come_back(ids: list[int]) -> None:
    assert parse_ids(ids_bytes(IdMap(np.array(ids, np.int64))), PATH).ids.tolist() == ids


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"5",
        b'{"a": 0}',
        b'{"5": 1}',
        b'{"5": 0.0}',
        b'{"5": true}',
        b'{"5": null}',
        b'{"5": 0, "6": 0}',
        b'{"5": 0, "05": 1}',
        b'{"5": 0, "5": 1}',
        b'{"99999999999999999999": 0}',
        b'{"5": 99999999999999999999}',
        b'{"5": ' + b"9" * 5000 + b"}",
        b"[" * 100_000,
        b'{"5":' * 100_000,
        b"\xff",
    ],
)
def test_a_broken_map_is_refused(content: bytes) -> None:
    with pytest.raises(ModelError, match="dir/file cannot be read"):
        parse_ids(content, PATH)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, ">f4"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_tables_of_any_float_come_back(dtype: str, order: str) -> None:
    table = np.arange(12).reshape(4, 3).astype(dtype, order=order)  # type: ignore[call-overload]
    assert parse_table(npy(table), PATH).tolist() == table.tolist()


@pytest.mark.parametrize(
    "array",
    [
        np.zeros(3, np.float32),
        np.zeros((2, 2), np.int64),
        np.zeros((2, 2), np.complex64),
        np.array([["a"]]),
        np.full((2, 2), np.nan),
        np.full((2, 2), np.inf, np.float32),
        np.full((2, 2), 1e300),
    ],
    ids=str,
)
def test_what_is_no_table_of_finite_floats_is_refused(array: np.ndarray) -> None:
    with pytest.raises(ModelError, match="no table of finite numbers"):
        parse_table(npy(array), PATH)


@pytest.mark.parametrize(
    "shape", ["(1000000000000, 1000000)", "(3, 3)", "(2, -2)", "(1.5, 2)", "x"]
)
def test_a_shape_that_does_not_fit_the_content_is_refused(shape: str) -> None:
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    content = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode()
    with pytest.raises(ModelError, match="dir/file cannot be read"):
        parse_table(content + bytes(16), PATH)


def test_a_table_of_objects_is_not_unpickled(tmp_path: Path) -> None:
    mark = tmp_path / "ran"

    class Evil:
        def __reduce__(self):  # type: ignore[no-untyped-def]
            return (Path.touch, (mark,))

    with pytest.raises(ModelError):
        parse_table(npy(np.array([[Evil()]], object)), PATH)
    assert not mark.exists()


def test_a_map_is_readable_json() -> None:
    assert json.loads(ids_bytes(IdMap(np.array([7, -3])))) == {"7": 0, "-3": 1}
