"""Ways to spoil a model directory, each with what the refusal says."""

import dataclasses
import hashlib
import io
import json
import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from inference.models.directory import FILES, save_policy
from inference.models.info import INFO, ModelInfo, read_info, write_info
from tests.inference.models.test_versions import save_other
from tests.inference.tiny import tiny_ids, tiny_network


def save(directory: Path, version: str = "good") -> None:
    network = tiny_network(repeats=True)
    save_policy(directory, network, *tiny_ids(), ModelInfo("reinforce", version, network.sizes))


def sign(directory: Path) -> None:
    """Makes model.json name the files as they are, as somebody would who means harm."""
    files = {name: hashlib.sha256((directory / name).read_bytes()).hexdigest() for name in FILES}
    write_info(directory, dataclasses.replace(read_info(directory), files=files))


def change_state(directory: Path, change: Callable[[dict[str, torch.Tensor]], object]) -> None:
    state = torch.load(directory / "model.pt", weights_only=True)
    change(state)
    torch.save(state, directory / "model.pt")
    sign(directory)


def change_sizes(directory: Path, **sizes: int) -> None:
    given = json.loads((directory / INFO).read_bytes())
    given["sizes"] |= sizes
    given["history"] = given["sizes"]["window"]
    (directory / INFO).write_text(json.dumps(given))


def not_a_number(directory: Path) -> None:
    change_state(directory, lambda state: state["bias"].fill_(float("nan")))


def infinite_head(directory: Path) -> None:
    change_state(directory, lambda state: state["head.linear.weight"].fill_(float("inf")))


def double_overflow(directory: Path) -> None:
    change_state(
        directory, lambda state: state.update(bias=torch.full((51,), 1e300, dtype=torch.float64))
    )


def not_a_number_in_a_table(directory: Path) -> None:
    table = np.load(directory / "item_embeddings.npy")
    table[:] = np.nan
    np.save(directory / "item_embeddings.npy", table)
    sign(directory)


def endless_tensor(directory: Path) -> None:
    change_state(directory, lambda state: state.update(bias=torch.zeros(1).expand(1 << 50)))


def zip_bomb(directory: Path) -> None:
    stored = zipfile.ZipFile(io.BytesIO((directory / "model.pt").read_bytes()))
    with zipfile.ZipFile(directory / "model.pt", "w", zipfile.ZIP_DEFLATED) as archive:
        for name in stored.namelist():
            archive.writestr(name, stored.read(name))
        archive.writestr("model/data/99", bytes(1 << 26))
    sign(directory)


def huge_sizes(directory: Path) -> None:
    change_sizes(directory, hidden=1 << 13, window=1 << 12)


def impossible_sizes(directory: Path) -> None:
    change_sizes(directory, items=1 << 62)


def deep_model_json(directory: Path) -> None:
    (directory / INFO).write_bytes(b'{"sizes":' * 50_000)


def deep_map(directory: Path) -> None:
    (directory / "user_map.json").write_bytes(b"[" * 100_000)
    sign(directory)


def link_out(directory: Path) -> None:
    elsewhere = directory.parent.parent / "elsewhere.pt"
    shutil.move(directory / "model.pt", elsewhere)
    (directory / "model.pt").symlink_to(elsewhere)


def pipe(directory: Path) -> None:
    (directory / "model.pt").unlink()
    os.mkfifo(directory / "model.pt")


def other_ids(directory: Path) -> None:
    """As many items, other ids: nothing but a digest can tell."""
    ids = json.loads((directory / "item_map.json").read_bytes())
    (directory / "item_map.json").write_text(
        json.dumps({f"9{raw}": row for raw, row in ids.items()})
    )


def one_file_of_another(directory: Path) -> None:
    save_other(directory.parent.parent / "other")
    shutil.copy(directory.parent.parent / "other/model.pt", directory)


BROKEN: dict[Callable[[Path], None], str] = {
    not_a_number: "not finite",
    infinite_head: "not finite",
    double_overflow: "not finite",
    not_a_number_in_a_table: "no table of finite numbers",
    endless_tensor: "not contiguous",
    zip_bomb: "compressed",
    huge_sizes: "has the shape",
    impossible_sizes: "sizes.items is",
    deep_model_json: "nested too deeply",
    deep_map: "cannot be read",
    link_out: "link out of",
    pipe: "not a regular file",
    other_ids: "a save or a copy was interrupted",
    one_file_of_another: "a save or a copy was interrupted",
}
