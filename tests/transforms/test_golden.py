"""State that an earlier version of the format wrote is read as what it was."""

import pytest

from tests.transforms.golden.states import FOLDER, STATES
from transforms.columns.codec import FORMAT_VERSION, READABLE, read_columns

FILES = sorted(FOLDER.glob("*.bin"))


def test_every_version_that_can_be_read_is_here() -> None:
    versions = {int(path.stem.rpartition("-")[2]) for path in FILES}
    assert versions == set(READABLE)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_its_columns_are_what_they_were(path) -> None:  # type: ignore[no-untyped-def]
    name, _, version = path.stem.rpartition("-")
    coder, state = STATES[name]
    encoded = path.read_bytes()
    assert encoded[0] == int(version)
    wanted = read_columns(coder.encode(state))
    # A decoded state is as good as one that never was in bytes.
    found = read_columns(coder.encode(coder.decode(encoded)))
    assert len(found) == len(wanted)
    for column, was in zip(found, wanted, strict=True):
        assert column.dtype == was.dtype
        assert column.shape == was.shape
        assert column.tobytes() == was.tobytes()


@pytest.mark.parametrize("name", STATES)
def test_this_version_writes_the_same_bytes_as_ever(name: str) -> None:
    coder, state = STATES[name]
    assert coder.encode(state) == (FOLDER / f"{name}-{FORMAT_VERSION}.bin").read_bytes()
