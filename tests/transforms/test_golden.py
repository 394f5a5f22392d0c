"""State that an earlier version of the format wrote is read with equal values."""

import pytest

from tests.transforms.golden.states import FOLDER, STATES
from transforms.columns.codec import FORMAT_VERSION, READABLE, read_columns

FILES = sorted(FOLDER.glob("*.bin"))


def test_every_readable_version_has_files() -> None:
    versions = {int(path.stem.rpartition("-")[2]) for path in FILES}
    assert versions == set(READABLE)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_decoded_columns_equal_the_original(path) -> None:  # type: ignore[no-untyped-def]
    name, _, version = path.stem.rpartition("-")
    coder, state = STATES[name]
    encoded = path.read_bytes()
    assert encoded[0] == int(version)
    wanted = read_columns(coder.encode(state))
    # A state that was decoded encodes as the original does.
    found = read_columns(coder.encode(coder.decode(encoded)))
    assert len(found) == len(wanted)
    for column, was in zip(found, wanted, strict=True):
        assert column.dtype == was.dtype
        assert column.shape == was.shape
        assert column.tobytes() == was.tobytes()


@pytest.mark.parametrize("name", STATES)
def test_the_current_version_writes_unchanged_bytes(name: str) -> None:
    coder, state = STATES[name]
    assert coder.encode(state) == (FOLDER / f"{name}-{FORMAT_VERSION}.bin").read_bytes()
