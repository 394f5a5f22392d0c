"""Model directories: a policy as files, without a pickle.

model.pt              state dict of the network without its two tables
model.json            `ModelInfo`
item_embeddings.npy   float [items + 1, item_dim], the last row for unknown items
user_embeddings.npy   float [users + 1, user_dim], the last row for unknown users
item_map.json         {raw id: row}
user_map.json         {raw id: row}
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from inference.models.ids import IdMap
from inference.models.info import ModelInfo
from inference.network.network import ITEM_TABLE, USER_TABLE, Network
from inference.network.sizes import Sizes
from inference.policy import Policy
from rivulet.errors import UserError

WEIGHTS, INFO = "model.pt", "model.json"
ITEM_EMBEDDINGS, USER_EMBEDDINGS = "item_embeddings.npy", "user_embeddings.npy"
ITEM_MAP, USER_MAP = "item_map.json", "user_map.json"


_BROKEN = (
    OSError,
    ValueError,
    TypeError,
    LookupError,
    RuntimeError,
    EOFError,
    AttributeError,
    pickle.PickleError,
)
"""What torch's loader raises on files that are none of its own, or only halves of them."""


class ModelError(UserError, RuntimeError):
    """A model directory is missing, incomplete or broken."""


def save_policy(
    directory: Path,
    network: Network,
    items: IdMap,
    users: IdMap,
    info: ModelInfo,
    table_dtype: npt.DTypeLike = np.float32,
) -> ModelInfo:
    """Writes a model directory; each file appears whole, model.json last.

    Args:
        directory: is made if need be.
        network: the trained network.
        items: ids of the item table's rows.
        users: ids of the user table's rows.
        info: what to say of the model; an empty version becomes 8 digits of the weights' hash.
        table_dtype: float16 halves the two tables.

    Returns:
        `info` as written.
    """
    state = {name: value.detach().cpu() for name, value in network.state_dict().items()}
    item_table = state.pop(ITEM_TABLE).numpy().astype(table_dtype)
    user_table = state.pop(USER_TABLE).numpy().astype(table_dtype)
    if not info.version:
        info = dataclasses.replace(info, version=_digest(state, item_table, user_table))
    directory.mkdir(parents=True, exist_ok=True)
    weights = io.BytesIO()
    torch.save(state, weights)
    _replace(directory / WEIGHTS, weights.getvalue())
    for name, table in ((ITEM_EMBEDDINGS, item_table), (USER_EMBEDDINGS, user_table)):
        content = io.BytesIO()
        np.save(content, table, allow_pickle=False)
        _replace(directory / name, content.getvalue())
    for name, ids in ((ITEM_MAP, items), (USER_MAP, users)):
        rows = {str(raw): row for row, raw in enumerate(ids.ids.tolist())}
        _replace(directory / name, json.dumps(rows, separators=(",", ":")).encode())
    write_info(directory, info)
    return info


def write_info(directory: Path, info: ModelInfo) -> None:
    """Writes model.json; the file appears whole."""
    content = json.dumps(dataclasses.asdict(info), indent=2) + "\n"
    _replace(directory / INFO, content.encode())


def _digest(state: dict[str, Tensor], *tables: npt.NDArray[Any]) -> str:
    digest = hashlib.sha256()
    for name in sorted(state):
        digest.update(name.encode() + np.ascontiguousarray(state[name].numpy()).tobytes())
    for table in tables:
        digest.update(np.ascontiguousarray(table).tobytes())
    return digest.hexdigest()[:8]


def _replace(path: Path, content: bytes) -> None:
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.write_bytes(content)
    fresh.replace(path)


def read_info(directory: Path) -> ModelInfo:
    """What model.json says.

    Raises:
        ModelError: the file is missing or not as it should be.
    """
    path = directory / INFO
    try:
        given = json.loads(path.read_text(encoding="utf-8"))
        known = {field.name for field in dataclasses.fields(ModelInfo)}
        sizes = Sizes(**given["sizes"])
        return ModelInfo(**{name: given[name] for name in known & set(given)} | {"sizes": sizes})
    except FileNotFoundError as error:
        raise ModelError(
            f"{directory} is no model directory: it has no {INFO}; "
            "make one with `python -m training.train`"
        ) from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"{path} is broken: {error}; train the model anew") from error


def read_ids(path: Path) -> IdMap:
    """The ids of a map file, in the order of their rows.

    Raises:
        ModelError: the file is missing, or its rows are not 0, 1, 2 and so on.
    """
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
        ids = np.fromiter((int(raw) for raw in rows), np.int64, len(rows))
        places = np.fromiter(rows.values(), np.int64, len(rows))
        order = np.argsort(places)
        if not np.array_equal(places[order], np.arange(len(rows))):
            raise ValueError("its rows are not 0, 1, 2 ...")
        return IdMap(ids[order])
    except (OSError, ValueError, TypeError, AttributeError, OverflowError) as error:
        raise ModelError(f"{path} cannot be read: {error}") from error


def read_table(path: Path) -> Tensor:
    """An embedding table, float32 [rows, dim].

    Raises:
        ModelError: the file is missing or is no table of finite numbers.
    """
    try:
        table = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise ModelError(f"{path} cannot be read: {error}") from error
    if table.ndim != 2 or table.dtype.kind != "f" or not np.isfinite(table).all():
        raise ModelError(f"{path} is no table of finite numbers")
    return torch.from_numpy(table.astype(np.float32))


def load_network(directory: Path) -> tuple[Network, IdMap, IdMap, ModelInfo]:
    """The network of a model directory with its items, its users and its papers.

    Raises:
        ModelError: a file is missing or broken, or they do not belong together.
    """
    info = read_info(directory)
    try:
        network = Network(info.algorithm, info.sizes)
        state = torch.load(directory / WEIGHTS, map_location="cpu", weights_only=True)
        state[ITEM_TABLE] = read_table(directory / ITEM_EMBEDDINGS)
        state[USER_TABLE] = read_table(directory / USER_EMBEDDINGS)
        network.load_state_dict(state)
    except ModelError:
        raise
    except _BROKEN as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else repr(error)
        raise ModelError(f"the model in {directory} cannot be loaded: {first}") from error
    items, users = read_ids(directory / ITEM_MAP), read_ids(directory / USER_MAP)
    if (len(items), len(users)) != (info.sizes.items, info.sizes.users):
        raise ModelError(
            f"the model in {directory} is inconsistent: {len(items)} items and {len(users)} users "
            f"in the maps, {info.sizes.items} and {info.sizes.users} in {INFO}"
        )
    return network, items, users, info


def load_policy(directory: Path, device: str = "cpu") -> Policy:
    """The policy of a model directory, ready to rank.

    Args:
        directory: as `save_policy` wrote it.
        device: where it runs, such as cpu or cuda.

    Raises:
        ModelError: a file is missing or broken, or they do not belong together.
    """
    network, items, users, info = load_network(Path(directory))
    return Policy(network, items, users, info, device)
