"""Trains two towers (`training.algorithms.two_towers`) on a data set and writes their vectors."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
import torch
from rich.progress import Progress
from torch import Tensor

from inference.models.files import replace_files
from inference.models.ids import IdMap
from inference.models.tables import (
    ITEM_EMBEDDINGS,
    ITEM_MAP,
    USER_EMBEDDINGS,
    USER_MAP,
    ids_bytes,
)
from training.algorithms.embed_options import EmbedOptions
from training.algorithms.two_towers import Tower, sampled_softmax_loss
from training.cli import progress_console
from training.datasets.sequences import TRAIN, VALID, Sequences
from training.datasets.side_features import load_side_features

Float32s = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Embeddings:
    """The vectors of trained towers.

    Attributes:
        users: float32 [users + 1, dim], unit vectors, the last one for unknown users.
        items: float32 [items + 1, dim], likewise.
        losses: the validation loss after each epoch.
    """

    users: Float32s
    items: Float32s
    losses: list[float]


class _Pairs:
    """The pairs of user and item of one split, with the items' probabilities in a batch."""

    def __init__(self, sequences: Sequences, split: int, device: str) -> None:
        own = (sequences.split == split) & (sequences.item != sequences.items.unknown)
        self.users = torch.from_numpy(sequences.user[own]).to(device)
        self.items = torch.from_numpy(sequences.item[own]).to(device)
        counts = torch.bincount(self.items, minlength=len(sequences.items) + 1)
        self.log_q = (counts.clamp_min(1) / max(1, len(self.items))).log()

    def loss(self, towers: tuple[Tower, Tower], batch: Tensor, temperature: float) -> Tensor:
        users, items = self.users[batch], self.items[batch]
        return sampled_softmax_loss(
            towers[0](users), towers[1](items), items, self.log_q[items], temperature
        )


def embed(data: Path, sequences: Sequences, options: EmbedOptions) -> Embeddings:
    """Trains the towers; the vectors of all users and items.

    Args:
        data: the data set's folder, for the side features.
        sequences: its events.
        options: how to train.
    """
    torch.manual_seed(options.seed)
    order = torch.Generator().manual_seed(options.seed)
    sides = load_side_features(data, sequences.users, sequences.items)
    towers = tuple(Tower(side, options.dim, options.id_dropout) for side in sides)
    users, items = (tower.to(options.device) for tower in towers)
    train = _Pairs(sequences, TRAIN, options.device)
    valid = _Pairs(sequences, VALID, options.device)
    weights = [*users.parameters(), *items.parameters()]
    adam = torch.optim.Adam(weights, lr=options.rate)
    best, losses = copy.deepcopy((users.state_dict(), items.state_dict())), [float("inf")]
    with Progress(console=progress_console, transient=True) as progress:
        task = progress.add_task("towers", total=options.epochs)
        for _ in range(options.epochs):
            users.train(), items.train()
            shuffled = torch.randperm(len(train.users), generator=order).to(options.device)
            for start in range(0, len(shuffled), options.batch):
                adam.zero_grad()
                batch = shuffled[start : start + options.batch]
                loss = train.loss((users, items), batch, options.temperature)
                loss.backward()  # type: ignore[no-untyped-call]
                adam.step()
            losses.append(_mean_loss(valid, (users, items), options))
            progress.update(task, advance=1, description=f"validation loss {losses[-1]:.4f}")
            if losses[-1] == min(losses):
                best = copy.deepcopy((users.state_dict(), items.state_dict()))
            elif len(losses) - 1 - int(np.argmin(losses)) >= options.patience:
                break
    users.load_state_dict(best[0])
    items.load_state_dict(best[1])
    return Embeddings(_vectors(users), _vectors(items), losses[1:])


@torch.no_grad()
def _mean_loss(pairs: _Pairs, towers: tuple[Tower, Tower], options: EmbedOptions) -> float:
    """The loss per pair; 0 without pairs, so that the first epoch is the best."""
    for tower in towers:
        tower.eval()
    total = 0.0
    for start in range(0, len(pairs.users), options.batch):
        batch = torch.arange(start, min(start + options.batch, len(pairs.users)))
        total += len(batch) * float(pairs.loss(towers, batch, options.temperature))
    return total / max(1, len(pairs.users))


@torch.no_grad()
def _vectors(tower: Tower) -> Float32s:
    tower.eval()
    rows = torch.arange(tower.unknown + 1, device=tower.ids.weight.device)
    vectors: Float32s = tower(rows).cpu().numpy()
    return vectors


def write_embeddings(directory: Path, embeddings: Embeddings, users: IdMap, items: IdMap) -> None:
    """Writes the two tables and the two maps into a folder, which is made if need be."""
    writers: dict[str, Callable[[BinaryIO], object]] = {
        name: partial(np.save, arr=table, allow_pickle=False)
        for name, table in (
            (USER_EMBEDDINGS, embeddings.users),
            (ITEM_EMBEDDINGS, embeddings.items),
        )
    }
    for name, ids in ((USER_MAP, users), (ITEM_MAP, items)):
        writers[name] = partial(_write, content=ids_bytes(ids))
    directory.mkdir(parents=True, exist_ok=True)
    replace_files(directory, writers)


def _write(file: BinaryIO, content: bytes) -> None:
    file.write(content)
