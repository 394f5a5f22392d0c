"""Writes the missing golden files of the current version of the format."""

from tests.transforms.golden.states import FOLDER, STATES
from transforms.columns.codec import FORMAT_VERSION

for name, (coder, state) in STATES.items():
    path = FOLDER / f"{name}-{FORMAT_VERSION}.bin"
    if not path.exists():
        path.write_bytes(coder.encode(state))
        print(path.name)
