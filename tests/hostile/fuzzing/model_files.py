"""Fuzzes the files of a model directory: each is refused with one line, or valid."""

import io
import sys
from pathlib import Path

import atheris
import numpy as np
import torch

with atheris.instrument_imports(include=["inference.models"]):
    from inference.models.files import ModelError
    from inference.models.info import parse_info
    from inference.models.tables import parse_ids, parse_table
    from inference.models.weights import build_network, parse_state
from tests.inference.tiny import tiny_network


def _seeds() -> tuple[bytes, ...]:
    """A valid file of each kind; the first byte says which."""
    table, state = io.BytesIO(), io.BytesIO()
    np.save(table, np.ones((3, 2), np.float32))
    torch.save({"bias": torch.ones(3)}, state)
    info = b'{"algorithm": "bcq", "version": "1", "sizes": {"items": 2, "users": 2}, "history": 10}'
    contents = (info, b'{"5": 0, "-7": 1}', table.getvalue(), state.getvalue())
    return tuple(bytes([kind]) + content for kind, content in enumerate(contents))


SEEDS = _seeds()
PATH = Path("model/file")


def check(data: bytes) -> None:
    """Parses the bytes as the file that the first byte names."""
    kind, content = data[:1] or b"\0", data[1:]
    message = ""
    try:
        match kind[0] % 4:
            case 0:
                info = parse_info(content, PATH)
                assert info.history >= 1
                # Whatever sizes it claims: a network that does not fit allocates nothing.
                build_network(info, tiny_network().state_dict(), PATH)
            case 1:
                ids = parse_ids(content, PATH)
                assert sorted(ids.rows(ids.ids).tolist()) == list(range(len(ids)))
            case 2:
                table = parse_table(content, PATH)
                assert table.ndim == 2
                assert torch.isfinite(table).all()
            case 3:
                for weight in parse_state(content, PATH).values():
                    assert torch.isfinite(weight).all()
    except ModelError as error:
        message = str(error)
    assert "\n" not in message


if __name__ == "__main__":
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()
