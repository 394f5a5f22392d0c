"""Trains a policy on a prepared data set and writes its model directory.

    python -m training.train --algorithm reinforce --data data --output model

First the state encoder and the items' vectors learn the next item (supervised), then the
algorithm takes over: `training.reinforce`, `training.ddpg` or `training.bcq`. Validation is
NDCG@10 of the next item on the last tenth of the training part.
"""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Sequence as Arguments

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from inference.encoder import Sizes
from inference.info import ModelInfo
from inference.model_dir import (
    ITEM_EMBEDDINGS,
    ITEM_MAP,
    USER_EMBEDDINGS,
    USER_MAP,
    ModelError,
    read_ids,
    read_table,
    save_policy,
)
from training.checkpoint import Checkpoint, CheckpointError
from training.cli import progress_console, run_command
from training.data import TRAIN, VALID, DataError, Sequences, load_sequences
from training.fit import Watch
from training.recipe import Recipe, train_network
from training.runlog import RunLog
from training.train_options import parser, recipe_of

CHECKPOINT = "checkpoint.pt"
LOGS = "training"

Tables = tuple[torch.Tensor, torch.Tensor]


def load_data(options: Namespace) -> tuple[Sequences, Tables | None]:
    """The data set, and the embeddings of `training.embed` where there are any.

    Raises:
        DataError: the data set is missing or broken.
        ModelError: the embeddings are.
    """
    folder = options.embeddings
    if folder is None and (options.output / ITEM_EMBEDDINGS).exists() and not options.resume:
        # A model directory of an earlier training has embeddings too: those are not embed's.
        folder = None if (options.output / "model.json").exists() else options.output
    if folder is None:
        return load_sequences(options.data), None
    items, users = read_ids(folder / ITEM_MAP), read_ids(folder / USER_MAP)
    tables = read_table(folder / ITEM_EMBEDDINGS), read_table(folder / USER_EMBEDDINGS)
    for ids, table, name in ((items, tables[0], "item"), (users, tables[1], "user")):
        if len(table) != len(ids) + 1:
            raise ModelError(f"{folder}: {len(table)} {name} embeddings for {len(ids)} ids and 1")
    return load_sequences(options.data, items=items, users=users), tables


def train(options: Namespace) -> ModelInfo:
    """Trains as the options say and writes the model directory; what the model is.

    Raises:
        DataError: the data set is missing or broken.
        ModelError: given embeddings are.
        CheckpointError: there is no going on from the checkpoint.
    """
    recipe: Recipe = recipe_of(options)
    data, tables = load_data(options)
    sizes = Sizes(
        items=len(data.items),
        users=len(data.users),
        item_dim=options.item_dim if tables is None else tables[0].shape[1],
        user_dim=options.user_dim if tables is None else tables[1].shape[1],
        window=options.window,
        encoder=options.encoder,
        hidden=options.hidden,
    )
    gap = options.session_gap or None
    steps, valid = (
        data.transitions(part, sizes.window, options.gamma, gap) for part in (TRAIN, VALID)
    )
    if not len(steps):
        raise DataError(f"{options.data}: no user has two events to learn from")
    logs = options.logs or options.output / LOGS
    run = recipe.as_run(data.fingerprint, sizes) | {"session_gap": options.session_gap}
    resumed = Checkpoint.read(logs / CHECKPOINT, run) if options.resume else None
    with RunLog(logs) as log, _progress() as bar:
        watch = Watch(bar, log, logs / CHECKPOINT, run, resumed)
        network, metrics = train_network(
            recipe, sizes, steps, valid, torch.device(options.device), tables, watch
        )
    info = ModelInfo(
        algorithm=network.algorithm,
        version=options.version,
        sizes=sizes,
        name=options.name,
        fingerprint=data.fingerprint,
        metrics=metrics,
        training=run,
    )
    return save_policy(options.output, network, data.items, data.users, info)


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=progress_console,
        transient=True,
    )


def main(argv: Arguments[str] | None = None) -> int:
    """Runs the command; its exit status."""
    options = parser(__doc__ or "").parse_args(argv)
    try:
        info = train(options)
    except (DataError, ModelError, CheckpointError) as error:
        print(f"python -m training.train: {error}", file=sys.stderr)
        return 2
    table = Table(title=f"{info.label} in {options.output}", title_justify="left")
    table.add_column("measured on validation")
    table.add_column("value", justify="right")
    for name, value in info.metrics.items():
        table.add_row(name, f"{value:.4f}")
    Console().print(table)
    return 0


if __name__ == "__main__":
    run_command(main)
