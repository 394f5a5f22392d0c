"""model.pt: the weights of a network, read without trusting their shapes or sizes."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from inference.models.files import ModelError, first_line
from inference.models.info import INFO, ModelInfo
from inference.network.network import ITEM_TABLE, USER_TABLE, Network

WEIGHTS = "model.pt"


def state_bytes(state: dict[str, Tensor]) -> bytes:
    """The content of model.pt for a state dict."""
    file = io.BytesIO()
    torch.save(state, file)
    return file.getvalue()


def parse_state(content: bytes, path: Path) -> dict[str, Tensor]:
    """The state dict of a model.pt's content, float32.

    Args:
        content: the bytes of the file.
        path: its path, for messages.

    Raises:
        ModelError: the content is not a state dict of finite numbers.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            # PyTorch does not compress. A compressed file could expand to any size.
            if any(entry.compress_type != zipfile.ZIP_STORED for entry in archive.infolist()):
                raise ValueError("it is compressed")
        state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
        if not isinstance(state, dict):
            raise ValueError("it is not a state dict")
        return {_name(name): _dense(value) for name, value in state.items()}
    except Exception as error:  # The unpickler can raise anything for bytes that are not its own.
        raise ModelError(f"{path} cannot be loaded: {first_line(error)}") from error


def _name(name: object) -> str:
    """A weight's name; directories without digests call the repeat weights copy."""
    text = str(name)
    return f"repeats.{text.removeprefix('copy.')}" if text.startswith("copy.") else text


def _dense(value: object) -> Tensor:
    """A tensor in float32; one whose elements share memory could claim any size."""
    if not isinstance(value, Tensor) or value.layout is not torch.strided:
        raise ValueError("it holds something other than tensors")
    if not value.is_floating_point() or not value.is_contiguous():
        raise ValueError("it holds tensors that are not contiguous floats")
    single = value.detach().float()
    if not torch.isfinite(single).all():
        raise ValueError("it holds numbers that are not finite")
    return single


def build_network(info: ModelInfo, state: dict[str, Tensor], directory: Path) -> Network:
    """The network of a model with its weights.

    The tables, which can be of any size, are compared with model.json before the network allocates
    its own. The other sizes are limited by `inference.models.info`.

    Args:
        info: what model.json says.
        state: the state dict with the tables.
        directory: for messages.

    Raises:
        ModelError: the weights do not have the names and shapes that `info` asks for.
    """
    sizes = info.sizes
    tables = {
        ITEM_TABLE: (sizes.items + 1, sizes.item_dim),
        USER_TABLE: (sizes.users + 1, sizes.user_dim),
    }
    try:
        _compare(tables, {name: state[name] for name in tables if name in state})
        network = Network(info.algorithm, sizes)
        _compare({name: tuple(each.shape) for name, each in network.state_dict().items()}, state)
        network.load_state_dict(state)
    except Exception as error:  # An encoder of another package can raise anything.
        raise ModelError(
            f"the model in {directory} cannot be loaded: {first_line(error)}"
        ) from error
    return network


def _compare(expected: Mapping[str, tuple[int, ...]], state: Mapping[str, Tensor]) -> None:
    """Compares the shapes of weights.

    Raises:
        ValueError: a weight is missing, unexpected or has another shape.
    """
    for name in sorted(expected.keys() | state.keys()):
        if name not in expected or name not in state:
            raise ValueError(f"{name} is {'missing' if name in expected else 'unexpected'}")
        shape = tuple(state[name].shape)
        if shape != expected[name]:
            raise ValueError(f"{name} has the shape {shape}, {INFO} says {expected[name]}")
