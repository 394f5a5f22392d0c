"""Trains a policy on a prepared data set and writes its model directory.

    python -m training.train --algorithm reinforce --data data --output model

First the state encoder and the items' vectors learn the next item (supervised), then the
algorithm takes over: `training.algorithms.reinforce`, `training.algorithms.ddpg` or
`training.algorithms.bcq`. Where the data set
has a feedback log it learns from the lists that were shown and what they earned, and is validated
by what its own lists would have earned (`training.trainer.validation`); otherwise from what users
did,
validated by NDCG@10 of the next item. Either is of the last tenth of the training part; once it
has told how many epochs are best, all is trained anew for as many on that tenth too.
"""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Sequence as Arguments
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table

from inference.models.current import CURRENT
from inference.models.directory import save_policy
from inference.models.files import ModelError
from inference.models.info import INFO, ModelInfo
from inference.models.tables import (
    ITEM_EMBEDDINGS,
    ITEM_MAP,
    USER_EMBEDDINGS,
    USER_MAP,
    read_ids,
    read_table,
)
from inference.network.sizes import Sizes
from training.cli import progress_bar, run_command
from training.datasets.sequences import TRAIN, VALID, DataError, Sequences, load_sequences
from training.datasets.shown_lists import load_lists
from training.trainer.checkpoint import Checkpoint, CheckpointError
from training.trainer.options import parser, train_config_of
from training.trainer.run_log import RunLog
from training.trainer.trainer import TrainConfig, Trainer, train_network
from training.trainer.training_loop import Watch

CHECKPOINT, CHECKPOINT_AGAIN = "checkpoint.pt", "checkpoint_again.pt"
LOGS = "training"
START = "start.pt"

Tables = tuple[torch.Tensor, torch.Tensor]


def load_data(options: Namespace, logs: Path) -> tuple[Sequences, Tables | None]:
    """The data set, and the embeddings of `training.embed` where there are any.

    They are kept among the logs: a run that goes on starts its second training from them, when
    a model may already stand in their place.

    Args:
        options: the command's.
        logs: folder of checkpoint and logs.

    Raises:
        DataError: the data set is missing or broken.
        ModelError: the embeddings are.
    """
    kept = logs / START
    going_on = options.resume and kept.exists()
    folder = options.embeddings
    if folder is None and (options.output / ITEM_EMBEDDINGS).exists():
        # A model directory of an earlier training has embeddings too: those are not embed's.
        trained = (options.output / INFO).exists()
        folder = options.output if going_on or not trained else None
    if folder is None:
        kept.unlink(missing_ok=True)
        return load_sequences(options.data), None
    items, users = read_ids(folder / ITEM_MAP), read_ids(folder / USER_MAP)
    if going_on:
        start = torch.load(kept, map_location="cpu", weights_only=True)
        tables = start["items"], start["users"]
    else:
        tables = read_table(folder / ITEM_EMBEDDINGS), read_table(folder / USER_EMBEDDINGS)
    for ids, table, name in ((items, tables[0], "item"), (users, tables[1], "user")):
        if len(table) != len(ids) + 1:
            raise ModelError(f"{folder}: {len(table)} {name} embeddings for {len(ids)} ids and 1")
    logs.mkdir(parents=True, exist_ok=True)
    torch.save({"items": tables[0], "users": tables[1]}, kept)
    return load_sequences(options.data, items=items, users=users), tables


def train(options: Namespace) -> ModelInfo:
    """Trains as the options say and writes the model directory; what the model is.

    Raises:
        DataError: the data set is missing or broken.
        ModelError: given embeddings are.
        CheckpointError: there is no going on from the checkpoint.
    """
    recipe: TrainConfig = train_config_of(options)
    logs = options.logs or options.output / LOGS
    data, tables = load_data(options, logs)
    sizes = Sizes(
        items=len(data.items),
        users=len(data.users),
        item_dim=options.item_dim if tables is None else tables[0].shape[1],
        user_dim=options.user_dim if tables is None else tables[1].shape[1],
        window=options.window,
        encoder=options.encoder,
        hidden=options.hidden,
        repeats=not options.no_copy,
    )
    gap = options.session_gap or None
    steps, valid = (
        data.transitions(part, sizes.window, options.gamma, gap) for part in (TRAIN, VALID)
    )
    if not len(steps):
        raise DataError(f"{options.data}: no user has two events to learn from")
    lists = None
    if options.learn_from != "events":
        lists = load_lists(options.data, data, sizes.window)
        if options.learn_from == "lists" and not len(lists[0]):
            raise DataError(
                f"{options.data} has no lists to learn from; give training.prepare a feedback log"
            )
    run = recipe.as_run(data.fingerprint, sizes) | {
        "session_gap": options.session_gap,
        "lists": 0 if lists is None else len(lists[0]),
        "embeddings": tables is not None,
    }
    resumed = Checkpoint.read(logs / CHECKPOINT, run) if options.resume else None
    with RunLog(logs) as log, progress_bar() as bar:
        watch = Watch(bar, log, logs / CHECKPOINT, run, resumed)
        device = torch.device(options.device)
        course = Trainer(recipe, steps, valid, device, lists, watch)
        network, metrics = train_network(course, sizes, tables)
        if recipe.refit and len(valid):
            # How long to train decides whether a checkpoint of the second run is of use.
            again = run | {name: metrics.get(name, 0.0) for name in ("supervised_epoch", "epoch")}
            file = logs / CHECKPOINT_AGAIN
            resumed = Checkpoint.read_if_of(file, again) if options.resume else None
            both = data.with_validation().transitions(TRAIN, sizes.window, options.gamma, gap)
            watch = Watch(bar, log, file, again, resumed)
            network, _ = train_network(course.with_all(both, metrics, watch), sizes, tables)
    info = ModelInfo(
        algorithm=network.algorithm,
        version=options.version,
        sizes=sizes,
        name=options.name,
        fingerprint=data.fingerprint,
        metrics=metrics,
        training=run,
    )
    info = save_policy(options.output, network, data.items, data.users, info)
    if options.current:
        name_current(options.output)
    return info


def name_current(directory: Path) -> None:
    """Names a model directory in the file CURRENT of its parent; the file appears whole."""
    whole = directory.resolve()
    fresh = whole.parent / f".{CURRENT}.fresh"
    fresh.write_text(whole.name + "\n", encoding="utf-8")
    fresh.replace(whole.parent / CURRENT)


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
