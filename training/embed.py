"""Prepared data to embeddings of users and items, by two towers (`training.algorithms.two_towers`).

Trains on the events of the training part alone, stops when the validation part's loss no longer
falls, and writes into the model directory `user_embeddings.npy` and `item_embeddings.npy`
(float32 [ids + 1, dim], unit vectors, the last row for unknown ids), `user_map.json` and
`item_map.json` ({raw id: row}).

    python -m training.embed --data data --output model
"""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from torch import Tensor

from inference.models.ids import IdMap
from inference.models.tables import ITEM_EMBEDDINGS, ITEM_MAP, USER_EMBEDDINGS, USER_MAP
from training.algorithms.two_towers import Tower, sampled_softmax_loss
from training.cli import Parser, at_least, device, positive, progress_console, run_command, share
from training.datasets.sequences import TRAIN, VALID, DataError, Sequences, load_sequences
from training.datasets.side_features import load_side_features

Float32s = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class EmbedOptions:
    """How the towers are trained.

    Attributes:
        dim: length of the embeddings.
        epochs: passes over the training part, at most.
        patience: passes without a lower validation loss before it stops.
        batch: pairs in a batch; each has the others' items as negatives.
        rate: Adam's learning rate.
        temperature: tau of the loss.
        id_dropout: part of the ids that are hidden in training.
        seed: of the initial weights and the order of the pairs.
        device: where to train.
    """

    dim: int = 32
    epochs: int = 30
    patience: int = 3
    batch: int = 1_024
    rate: float = 3e-3
    temperature: float = 0.2
    id_dropout: float = 0.05
    seed: int = 0
    device: str = "cpu"


@dataclass(frozen=True, slots=True, eq=False)
class Embeddings:
    """What the towers say.

    Attributes:
        users: float32 [users + 1, dim], unit vectors, the last one for unknown users.
        items: float32 [items + 1, dim], likewise.
        losses: the validation loss after each epoch.
    """

    users: Float32s
    items: Float32s
    losses: list[float]


class _Pairs:
    """The pairs of user and item of one part, with the items' chances to come up in a batch."""

    def __init__(self, sequences: Sequences, part: int, device: str) -> None:
        own = (sequences.part == part) & (sequences.item != sequences.items.unknown)
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
    """Train the towers and return everybody's vectors.

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
    """The loss per pair; 0 where there is no pair, so that the first epoch is the best."""
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
    """Write the two tables and the two maps into a model directory, made if need be."""
    directory.mkdir(parents=True, exist_ok=True)
    np.save(directory / USER_EMBEDDINGS, embeddings.users, allow_pickle=False)
    np.save(directory / ITEM_EMBEDDINGS, embeddings.items, allow_pickle=False)
    for name, ids in ((USER_MAP, users), (ITEM_MAP, items)):
        rows = {str(raw): row for row, raw in enumerate(ids.ids.tolist())}
        (directory / name).write_text(json.dumps(rows, separators=(",", ":")))


def _parser() -> Parser:
    parser = Parser(
        prog="python -m training.embed",
        description="Train two towers on prepared data and write everybody's embeddings.",
    )
    add, default = parser.add_argument, EmbedOptions()
    add("--data", type=Path, required=True, help="folder that training.prepare wrote")
    add("--output", type=Path, required=True, metavar="MODEL", help="model directory to write")
    least = at_least(1)
    add("--dim", type=least, default=default.dim, help="length of the embeddings")
    add("--epochs", type=least, default=default.epochs, help="passes over the data, at most")
    add(
        "--patience",
        type=least,
        default=default.patience,
        help="passes without a lower validation loss before it stops",
    )
    add("--batch", type=at_least(2), default=default.batch, help="pairs in a batch")
    add("--rate", type=positive, default=default.rate, help="Adam's learning rate")
    add(
        "--temperature",
        type=positive,
        default=default.temperature,
        help="what inner products are divided by in the softmax",
    )
    add(
        "--id_dropout",
        type=share,
        default=default.id_dropout,
        help="part of the ids that are hidden in training",
    )
    add("--seed", type=at_least(0), default=default.seed, help="of weights and order")
    add("--device", type=device, default=default.device, help="where to train: cpu, cuda, cuda:1")
    return parser


def main(argv: list[str] | None = None) -> int:
    """The command; returns its exit status."""
    parser = _parser()
    given = vars(parser.parse_args(argv))
    data, output = given.pop("data"), given.pop("output")
    try:
        sequences = load_sequences(data)
        embeddings = embed(data, sequences, EmbedOptions(**given))
        write_embeddings(output, embeddings, sequences.users, sequences.items)
    except (DataError, OSError) as error:
        parser.error(str(error))
    table = Table(title=f"embeddings in {output}", show_header=False)
    table.add_row("users", f"{len(sequences.users):,}")
    table.add_row("items", f"{len(sequences.items):,}")
    table.add_row("length", str(embeddings.items.shape[1]))
    table.add_row("epochs", str(len(embeddings.losses)))
    table.add_row("validation loss", f"{min(embeddings.losses):.4f}")
    Console().print(table)
    return 0


if __name__ == "__main__":
    run_command(main)
