"""Model directories: a policy as files, without executable content.

model.pt              state dict of the network without its two tables
model.json            `ModelInfo`, with the digests of all other files
item_embeddings.npy   float [items + 1, item_dim], the last row for unknown items
user_embeddings.npy   float [users + 1, user_dim], the last row for unknown users
item_map.json         {raw id: row}
user_map.json         {raw id: row}

All files are written under temporary names and then renamed, model.json last. A directory whose
files are not those that model.json names, for instance because a save or a copy was interrupted,
is refused.
"""

from __future__ import annotations

import dataclasses
import hashlib
import logging
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from inference.models.canary import check_policy
from inference.models.files import (
    MODEL_BYTES,
    ModelError,
    digest_of,
    first_line,
    read_file,
    replace_files,
)
from inference.models.ids import IdMap
from inference.models.info import INFO, ModelInfo, check_label, read_info, write_info
from inference.models.tables import (
    ITEM_EMBEDDINGS,
    ITEM_MAP,
    USER_EMBEDDINGS,
    USER_MAP,
    ids_bytes,
    parse_ids,
    parse_table,
)
from inference.models.weights import WEIGHTS, build_network, parse_state
from inference.network.network import ITEM_TABLE, USER_TABLE, Network
from inference.policy import Policy

FILES = (WEIGHTS, ITEM_EMBEDDINGS, USER_EMBEDDINGS, ITEM_MAP, USER_MAP)
"""The files of a model directory beside model.json."""

_ATTEMPTS = 3
_WAIT = 0.2

T = TypeVar("T")
_LOG = logging.getLogger(__name__)


class MixedFilesError(ModelError):
    """The files of a model directory do not belong together."""


def save_policy(
    directory: Path,
    network: Network,
    items: IdMap,
    users: IdMap,
    info: ModelInfo,
    table_dtype: npt.DTypeLike = np.float32,
) -> ModelInfo:
    """Writes a model directory.

    Args:
        directory: created if it does not exist.
        network: the trained network.
        items: ids of the item table's rows.
        users: ids of the user table's rows.
        info: what is known about the model; an empty version becomes 8 digits of the weights'
            SHA-256.
        table_dtype: float16 halves the two tables.

    Returns:
        `info` as written, with its version and digests.

    Raises:
        ModelError: the weights are not finite, or the label does not fit the stores.
    """
    state = {name: value.detach().cpu() for name, value in network.state_dict().items()}
    if not all(torch.isfinite(value).all() for value in state.values()):
        raise ModelError(f"the weights for {directory} are not finite numbers: nothing is saved")
    item_table = state.pop(ITEM_TABLE).numpy().astype(table_dtype)
    user_table = state.pop(USER_TABLE).numpy().astype(table_dtype)
    if not info.version:
        info = dataclasses.replace(info, version=_version(state, item_table, user_table))
    try:
        check_label(info.label)
    except ValueError as error:
        raise ModelError(f"the model for {directory} cannot be saved: {error}") from error
    info = dataclasses.replace(info, user_ids=users.kind, item_ids=items.kind)
    directory.mkdir(parents=True, exist_ok=True)
    writers: dict[str, Callable[[BinaryIO], object]] = {
        WEIGHTS: lambda file: torch.save(state, file),
        ITEM_EMBEDDINGS: lambda file: np.save(file, item_table, allow_pickle=False),
        USER_EMBEDDINGS: lambda file: np.save(file, user_table, allow_pickle=False),
        ITEM_MAP: lambda file: file.write(ids_bytes(items)),
        USER_MAP: lambda file: file.write(ids_bytes(users)),
    }
    _forget_without_digests(directory)
    info = dataclasses.replace(info, files=replace_files(directory, writers))
    write_info(directory, info)
    return info


def _forget_without_digests(directory: Path) -> None:
    """Removes a model.json without digests: it would accept a mixture of old and new files."""
    try:
        if read_info(directory).files:
            return
    except ModelError:
        pass
    (directory / INFO).unlink(missing_ok=True)


def _version(state: dict[str, Tensor], *tables: npt.NDArray[Any]) -> str:
    digest = hashlib.sha256()
    for name in sorted(state):
        digest.update(name.encode() + np.ascontiguousarray(state[name].numpy()).tobytes())
    for table in tables:
        digest.update(np.ascontiguousarray(table).tobytes())
    return digest.hexdigest()[:8]


def load_network(
    directory: Path, root: Path | None = None, limit: int = MODEL_BYTES
) -> tuple[Network, IdMap, IdMap, ModelInfo]:
    """The network of a model directory, with the ids of its items and users, and its `ModelInfo`.

    Args:
        directory: as `save_policy` wrote it.
        root: the folder that must contain all files, also after following links; by default
            `directory`.
        limit: most bytes of a file.

    Raises:
        ModelError: a file is missing, broken or too large, or they do not belong together.
    """
    for _ in range(_ATTEMPTS - 1):
        try:
            return _load(directory, root or directory, limit)
        except MixedFilesError:
            # A save renames its files one after the other, which takes milliseconds.
            time.sleep(_WAIT)
    return _load(directory, root or directory, limit)


def _load(directory: Path, root: Path, limit: int) -> tuple[Network, IdMap, IdMap, ModelInfo]:
    info = read_info(directory, root)
    state: dict[str, Tensor] = {}
    for name, table in ((ITEM_TABLE, ITEM_EMBEDDINGS), (USER_TABLE, USER_EMBEDDINGS)):
        state[name] = _parse(directory, root, limit, info, table, parse_table)
    items, users = (
        _parse(directory, root, limit, info, name, partial(parse_ids, kind=kind))
        for name, kind in ((ITEM_MAP, info.item_ids), (USER_MAP, info.user_ids))
    )
    if (len(items), len(users)) != (info.sizes.items, info.sizes.users):
        raise ModelError(
            f"the model in {directory} is inconsistent: {len(items)} items and {len(users)} users "
            f"in the maps, {info.sizes.items} and {info.sizes.users} in {INFO}"
        )
    state |= _parse(directory, root, limit, info, WEIGHTS, parse_state)
    return build_network(info, state, directory), items, users, info


def _parse(
    directory: Path,
    root: Path,
    limit: int,
    info: ModelInfo,
    name: str,
    parse: Callable[[bytes, Path], T],
) -> T:
    """A file's parsed content, which must have the digest that model.json names."""
    path = directory / name
    try:
        content = read_file(path, root, limit)
    except FileNotFoundError as error:
        raise ModelError(f"the model in {directory} is incomplete: {name} is missing") from error
    parsed = parse(content, path)
    if info.files and info.files.get(name) != digest_of(content):
        raise MixedFilesError(
            f"{path} is not the file that {INFO} names: a save or a copy was interrupted; "
            "copy or train the model again"
        )
    return parsed


def load_policy(
    directory: Path, device: str = "cpu", root: Path | None = None, limit: int = MODEL_BYTES
) -> Policy:
    """The policy of a model directory, after a canary ranking.

    Args:
        directory: as `save_policy` wrote it.
        device: where it runs, such as cpu or cuda.
        root: the folder that must contain all files, also after following links; by default
            `directory`.
        limit: most bytes of a file.

    Raises:
        ModelError: a file is missing, broken or too large, they do not belong together, or the
            policy does not rank.
    """
    network, items, users, info = load_network(Path(directory), root, limit)
    if not info.files:
        _LOG.warning("%s has no digests: whether its files belong together is unknown", directory)
    try:
        policy = Policy(network, items, users, info, device)
        check_policy(policy)
    except ModelError:
        raise
    except Exception as error:  # An encoder of another package can raise anything.
        raise ModelError(f"the model in {directory} cannot rank: {first_line(error)}") from error
    return policy
