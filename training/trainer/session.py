"""One run of `training.train`: loads the data, trains, writes the model directory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from inference.models.current import CURRENT
from inference.models.directory import save_policy
from inference.models.info import SUPERVISED_START, ModelInfo
from inference.network.network import Network
from inference.network.sizes import Sizes
from training.cli import progress_bar, progress_console
from training.datasets.loading import DataError
from training.datasets.sequences import TRAIN, VALID, Sequences
from training.datasets.shown_lists import FEEDBACK
from training.trainer.checkpoint import Checkpoint
from training.trainer.config import NetworkSettings, TrainConfig, TrainSettings
from training.trainer.inputs import lists_of, load_after, load_data, no_lists_reason, sizes_of
from training.trainer.run_log import RunLog
from training.trainer.shortest_history import shortest_history
from training.trainer.trainer import Trainer, train_network
from training.trainer.training_loop import Monitor
from training.trainer.warm_start import Start
from transforms.messages.behaviors import reward_settings

CHECKPOINT, CHECKPOINT_AGAIN = "checkpoint.pt", "checkpoint_again.pt"
LOGS = "training"
EVENTS_ALONE, LISTS = "events", "lists"
"""What an algorithm learnt from, in model.json."""


def train(settings: TrainSettings, shape: NetworkSettings, config: TrainConfig) -> ModelInfo:
    """Trains a policy and writes its model directory; what its model.json says.

    Raises:
        DataError: the data set is missing or broken.
        ModelError: the given embeddings are.
        CheckpointError: the run cannot resume from the checkpoint.
        ValueError: the training diverged, or a name of an encoder is not known.
    """
    logs = settings.logs or settings.output / LOGS
    start = None if settings.start is None else Start.load(settings.start)
    if start is not None and shape != NetworkSettings():
        raise DataError("--start gives the network's shape: leave out the options of the network")
    if start is None:
        data, tables = load_data(settings, logs)
    else:
        data, tables = load_after(settings, start), None
    if config.freeze and tables is None:
        raise DataError("--freeze: there are no embeddings of training.embed to leave as they are")
    if start is None:
        sizes = sizes_of(settings.data, data, tables, shape, config)
    else:
        sizes = start.sizes(len(data.items), len(data.users))
    steps, valid = (
        data.transitions(split, sizes.window, config.step_gamma, config.gap)
        for split in (TRAIN, VALID)
    )
    if not len(steps):
        raise DataError(f"{settings.data}: no user has two events to learn from")
    lists = lists_of(settings, config, data, sizes.window)
    run = run_of(settings, config, data, sizes, start) | {
        "lists": 0 if lists is None else len(lists[0]),
        "learnt_from": EVENTS_ALONE if lists is None else LISTS,
        "embeddings": tables is not None,
    }
    if lists is None and settings.learn_from == "auto" and (settings.data / FEEDBACK).exists():
        progress_console.print(f"note: {no_lists_reason(settings.data)}", highlight=False)
    resumed = Checkpoint.read(logs / CHECKPOINT, run) if settings.resume else None
    with RunLog(logs) as log, progress_bar() as bar:
        monitor = Monitor(bar, log, logs / CHECKPOINT, run, resumed)
        trainer = Trainer(
            config, steps, valid, torch.device(settings.device), lists, monitor, warm=start
        )
        network, metrics = train_network(trainer, sizes, tables)
        least = settings.min_history or shortest_history(
            network, steps, valid, sizes.items, sizes.users, trainer.device
        )
        if not config.no_refit and len(valid):
            # A checkpoint of the second training fits only if its numbers of epochs do.
            again = run | {name: metrics.get(name, 0.0) for name in ("supervised_epoch", "epoch")}
            file = logs / CHECKPOINT_AGAIN
            resumed = Checkpoint.read_if_of(file, again) if settings.resume else None
            both = data.with_validation()
            all_steps = both.transitions(TRAIN, sizes.window, config.step_gamma, config.gap)
            monitor = Monitor(bar, log, file, again, resumed)
            # What the first training had no lists of, the second does not learn from either.
            all_lists = lists and lists_of(settings, config, both, sizes.window)
            second = trainer.with_all(all_steps, all_lists, metrics, monitor)
            network, _ = train_network(second, sizes, tables)
    info = ModelInfo(
        algorithm=network.algorithm,
        version=settings.version,
        sizes=sizes,
        name=settings.name or name_of(config, network, metrics, start),
        fingerprint=data.fingerprint,
        metrics=metrics,
        training=run,
        min_history=least,
    )
    info = save_network(settings.output, network, data, info)
    if settings.current:
        name_current(settings.output)
    return info


def run_of(
    settings: TrainSettings,
    config: TrainConfig,
    data: Sequences,
    sizes: Sizes,
    start: Start | None,
) -> dict[str, Any]:
    """What model.json says of a training, beside the lists that it learnt from."""
    return config.as_run() | {
        "fingerprint": data.fingerprint,
        **reward_settings(data.rewards),
        "sizes": asdict(sizes),
        "start": "" if start is None else start.label,
        "all_events": settings.all_events,
    }


def name_of(
    config: TrainConfig, network: Network, metrics: Mapping[str, float], start: Start | None
) -> str:
    """The name of a policy that was given none; "" for that of its head.

    A network without an epoch of the algorithm is a supervised start, or what it was trained on
    from.
    """
    if metrics.get("supervised_epoch") and not metrics.get("epoch"):
        same = start is not None and start.network.algorithm == network.algorithm
        return start.name if start is not None and same else SUPERVISED_START
    return config.algorithm if config.algorithm != network.algorithm else ""


def save_network(output: Path, network: Network, data: Sequences, info: ModelInfo) -> ModelInfo:
    """Writes a trained network; its `ModelInfo` as written.

    Raises:
        ValueError: the training diverged.
    """
    if not all(torch.isfinite(weight).all() for weight in network.state_dict().values()):
        raise ValueError(
            "the training diverged: weights are not finite numbers, and no model is written; try a "
            "smaller --pretrain_rate or --learning_rate"
        )
    return save_policy(output, network, data.items, data.users, info)


def name_current(directory: Path) -> None:
    """Names a model directory in the file CURRENT of its parent folder, atomically."""
    whole = directory.resolve()
    temporary = whole.parent / f".{CURRENT}.tmp"
    temporary.write_text(whole.name + "\n", encoding="utf-8")
    temporary.replace(whole.parent / CURRENT)
