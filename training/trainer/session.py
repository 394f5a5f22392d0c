"""One run of `training.train`: loads the data, trains, writes the model directory."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import torch

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
from training.algorithms.registry import find_algorithm
from training.cli import progress_bar
from training.datasets.coming_lists import with_coming
from training.datasets.ids import kinds_of
from training.datasets.lists import ShownLists
from training.datasets.loading import EVENTS, DataError, load_sequences, read_meta
from training.datasets.sequences import TEST_SHARE, TRAIN, VALID, Sequences
from training.datasets.shown_lists import load_lists
from training.trainer.checkpoint import REMEDY, Checkpoint, CheckpointError, read_tensors
from training.trainer.config import DEFAULT_WINDOW, NetworkSettings, TrainConfig, TrainSettings
from training.trainer.run_log import RunLog
from training.trainer.shortest_history import shortest_history
from training.trainer.trainer import Trainer, train_network
from training.trainer.training_loop import Monitor
from training.trainer.warm_start import Start, extended
from transforms.messages.behaviors import reward_settings

CHECKPOINT, CHECKPOINT_AGAIN = "checkpoint.pt", "checkpoint_again.pt"
LOGS = "training"
START = "start.pt"

Tables = tuple[torch.Tensor, torch.Tensor]
"""Item and user embeddings."""


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
        sizes = _sizes(settings.data, data, tables, shape, config)
    else:
        sizes = start.sizes(len(data.items), len(data.users))
    steps, valid = (
        data.transitions(split, sizes.window, config.step_gamma, config.gap)
        for split in (TRAIN, VALID)
    )
    if not len(steps):
        raise DataError(f"{settings.data}: no user has two events to learn from")
    lists = _lists(settings, config, data, sizes.window)
    run = config.as_run() | {
        "fingerprint": data.fingerprint,
        **reward_settings(data.rewards),
        "sizes": asdict(sizes),
        "lists": 0 if lists is None else len(lists[0]),
        "embeddings": tables is not None,
        "start": "" if start is None else start.label,
        "all_events": settings.all_events,
    }
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
            all_lists = _lists(settings, config, both, sizes.window)
            second = trainer.with_all(all_steps, all_lists, metrics, monitor)
            network, _ = train_network(second, sizes, tables)
    if not all(torch.isfinite(weight).all() for weight in network.state_dict().values()):
        raise ValueError(
            "the training diverged: weights are not finite numbers, and no model is written; try a "
            "smaller --pretrain_rate or --learning_rate"
        )
    info = ModelInfo(
        algorithm=network.algorithm,
        version=settings.version,
        sizes=sizes,
        name=settings.name or (config.algorithm if config.algorithm != network.algorithm else ""),
        fingerprint=data.fingerprint,
        metrics=metrics,
        training=run,
        min_history=least,
    )
    info = save_policy(settings.output, network, data.items, data.users, info)
    if settings.current:
        name_current(settings.output)
    return info


def load_data(settings: TrainSettings, logs: Path) -> tuple[Sequences, Tables | None]:
    """The data set, and the embeddings of `training.embed` where there are any.

    A copy of the embeddings is kept among the logs: when a run resumes, a trained model may have
    replaced them in the output folder.

    Args:
        settings: data, output and embeddings.
        logs: folder of checkpoints and logs.

    Raises:
        DataError: the data set is missing or broken.
        ModelError: the embeddings are.
    """
    kept = logs / START
    resuming = settings.resume and kept.exists()
    folder = settings.embeddings
    if folder is None and (settings.output / ITEM_EMBEDDINGS).exists():
        # The embeddings of a trained model are not those of training.embed.
        trained = (settings.output / INFO).exists()
        folder = settings.output if resuming or not trained else None
    if folder is None:
        kept.unlink(missing_ok=True)
        return load_sequences(settings.data, test_share=_test_share(settings)), None
    kinds = kinds_of([settings.data / EVENTS])
    items = read_ids(folder / ITEM_MAP, kinds.item)
    users = read_ids(folder / USER_MAP, kinds.user)
    if resuming:
        tables = _kept_tables(kept)
    else:
        tables = read_table(folder / ITEM_EMBEDDINGS), read_table(folder / USER_EMBEDDINGS)
    for ids, table, name in ((items, tables[0], "item"), (users, tables[1], "user")):
        if len(table) != len(ids) + 1:
            raise ModelError(
                f"{folder}: {len(table)} {name} embeddings where {len(ids)} ids and the unknown "
                f"one need {len(ids) + 1}"
            )
    logs.mkdir(parents=True, exist_ok=True)
    torch.save({"items": tables[0], "users": tables[1]}, kept)
    share = _test_share(settings)
    return load_sequences(settings.data, items=items, users=users, test_share=share), tables


def load_after(settings: TrainSettings, start: Start) -> Sequences:
    """The data set, with the ids of the model to start from and new ones after them.

    Raises:
        DataError: the data set is missing or broken.
    """
    share = _test_share(settings)
    found = load_sequences(settings.data, test_share=share)
    items, users = extended(start.items, found.items), extended(start.users, found.users)
    return load_sequences(settings.data, items=items, users=users, test_share=share)


def _test_share(settings: TrainSettings) -> float:
    return 0.0 if settings.all_events else TEST_SHARE


def _kept_tables(path: Path) -> Tables:
    start = read_tensors(path)
    if set(start) != {"items", "users"}:
        raise CheckpointError(f"{path} holds no embeddings; {REMEDY}")
    return start["items"], start["users"]


def _sizes(
    folder: Path,
    data: Sequences,
    tables: Tables | None,
    shape: NetworkSettings,
    config: TrainConfig,
) -> Sizes:
    log = read_meta(folder).get("log") or {}
    return Sizes(
        items=len(data.items),
        users=len(data.users),
        item_dim=shape.item_dim if tables is None else tables[0].shape[1],
        user_dim=shape.user_dim if tables is None else tables[1].shape[1],
        window=shape.window or int(log.get("history_size", DEFAULT_WINDOW)),
        encoder=shape.encoder,
        hidden=shape.hidden,
        repeats=not shape.no_repeats,
        neighbours=getattr(config.options, "neighbours", 0),
    )


def _lists(
    settings: TrainSettings, config: TrainConfig, data: Sequences, window: int
) -> tuple[ShownLists, ShownLists] | None:
    gamma = config.list_gamma(find_algorithm(config.algorithm).list_gamma)
    lists: tuple[ShownLists, ShownLists] | None = None
    if settings.learn_from != "events":
        train, valid = load_lists(settings.data, data, window)
        unit = config.discount_time
        lists = with_coming(train, gamma, unit), with_coming(valid, gamma, unit)
    if config.discount_time and not (gamma and lists and len(lists[0])):
        raise DataError(
            "--discount_time has an effect only with lists to learn from and a --gamma above 0"
        )
    if lists is None:
        return None
    if settings.learn_from == "lists" and not len(lists[0]):
        raise DataError(
            f"{settings.data} has no lists to learn from; give training.prepare a feedback log, in "
            "which users have events after the reward windows of some lists"
        )
    return lists


def name_current(directory: Path) -> None:
    """Names a model directory in the file CURRENT of its parent folder, atomically."""
    whole = directory.resolve()
    temporary = whole.parent / f".{CURRENT}.tmp"
    temporary.write_text(whole.name + "\n", encoding="utf-8")
    temporary.replace(whole.parent / CURRENT)
