"""Writes the golden files of this version of the format, where they are missing."""

from tests.transforms.golden.states import FOLDER, STATES
from transforms.columns.codec import FORMAT_VERSION

for name, (coder, state) in STATES.items():
    path = FOLDER / f"{name}-{FORMAT_VERSION}.bin"
    if not path.exists():
        path.write_bytes(coder.encode(state))
        print(path.name)
