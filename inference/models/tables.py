"""Embedding tables and id maps: the .npy and .json files of a model directory."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from inference.models.files import MODEL_BYTES, ModelError, first_line, read_file
from inference.models.ids import IdMap
from transforms.columns.names import Names, hash_texts, ids_of
from transforms.messages.id_kinds import INTEGER, TEXT

ITEM_EMBEDDINGS, USER_EMBEDDINGS = "item_embeddings.npy", "user_embeddings.npy"
ITEM_MAP, USER_MAP = "item_map.json", "user_map.json"


def read_ids(path: Path, kind: str = INTEGER) -> IdMap:
    """The ids of a map file {raw id: row}, in the order of their rows.

    Args:
        path: the file.
        kind: of the ids, INTEGER or TEXT.

    Raises:
        ModelError: the file is missing, or its rows are not 0, 1, 2 and so on.
    """
    return parse_ids(_read(path), path, kind)


def read_table(path: Path) -> Tensor:
    """An embedding table, float32 [rows, dim].

    Raises:
        ModelError: the file is missing, or is not a table of finite numbers.
    """
    return parse_table(_read(path), path)


def _read(path: Path) -> bytes:
    try:
        return read_file(path, path.parent, MODEL_BYTES)
    except FileNotFoundError as error:
        raise ModelError(str(error)) from error


def parse_ids(content: bytes, path: Path, kind: str = INTEGER) -> IdMap:
    """A map file's content, as `read_ids`; `path` is for messages."""
    try:
        rows = json.loads(content.decode("utf-8"))
        if type(rows) is not dict or not set(map(type, rows.values())) <= {int}:
            raise ValueError("it is not a JSON object of ids and rows")
        names = None
        if kind == TEXT:
            texts = pa.array(list(rows), pa.string())
            ids = hash_texts(texts)
            names = Names.of_pairs(ids, texts)
        else:
            ids = np.fromiter(map(int, rows), np.int64, len(rows))
        places = np.fromiter(rows.values(), np.int64, len(rows))
        order = np.argsort(places)
        if not np.array_equal(places[order], np.arange(len(rows))):
            raise ValueError("its rows are not 0, 1, 2 ...")
        return IdMap(ids[order], names)
    except (ValueError, OverflowError, RecursionError) as error:
        raise ModelError(f"{path} cannot be read: {first_line(error)}") from error


def ids_bytes(ids: IdMap) -> bytes:
    """The content of a map file."""
    rows = {str(raw): row for row, raw in enumerate(ids_of(ids.names, ids.ids))}
    return json.dumps(rows, separators=(",", ":")).encode()


def parse_table(content: bytes, path: Path) -> Tensor:
    """An .npy file's content, as `read_table`; `path` is for messages."""
    try:
        table = _array(content)
    except Exception as error:  # NumPy tokenizes and evaluates the header: anything can come.
        raise ModelError(f"{path} cannot be read: {first_line(error)}") from error
    if table.ndim != 2 or table.dtype.kind != "f" or not np.isfinite(table).all():
        raise ModelError(f"{path} is no table of finite numbers")
    with np.errstate(over="ignore"):
        single = table.astype(np.float32)
    if not np.isfinite(single).all():
        raise ModelError(f"{path} is no table of finite numbers in single precision")
    return torch.from_numpy(single)


def _array(content: bytes) -> np.ndarray[tuple[int, ...], np.dtype[np.generic]]:
    """The array of an .npy file, without allocating what its header claims."""
    file = io.BytesIO(content)
    version = np.lib.format.read_magic(file)
    if version == (1, 0):
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(file)
    elif version == (2, 0):
        shape, fortran, dtype = np.lib.format.read_array_header_2_0(file)
    else:
        raise ValueError(f"version {version} of the format is not supported")
    if dtype.hasobject:
        raise ValueError("it holds Python objects")
    if min(shape, default=0) < 0:  # reshape would infer it.
        raise ValueError(f"its shape is {shape}")
    array = np.frombuffer(memoryview(content)[file.tell() :], dtype)
    return array.reshape(shape, order="F" if fortran else "C")
