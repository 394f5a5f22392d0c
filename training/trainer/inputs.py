"""What a training reads: events, embeddings to start from, recommended lists."""

from __future__ import annotations

from pathlib import Path

import torch

from inference.models.files import ModelError
from inference.models.info import INFO
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
from training.datasets.coming_lists import with_coming
from training.datasets.ids import kinds_of
from training.datasets.lists import ShownLists
from training.datasets.loading import EVENTS, DataError, load_sequences, read_meta
from training.datasets.sequences import TEST_SHARE, VALID_SHARE, Sequences
from training.datasets.shown_lists import load_lists
from training.trainer.checkpoint import REMEDY, CheckpointError, read_tensors
from training.trainer.config import DEFAULT_WINDOW, NetworkSettings, TrainConfig, TrainSettings
from training.trainer.warm_start import Start, extended

START = "start.pt"

Tables = tuple[torch.Tensor, torch.Tensor]
"""Item and user embeddings."""


def load_data(
    settings: TrainSettings, logs: Path, valid_share: float = VALID_SHARE
) -> tuple[Sequences, Tables | None]:
    """The data set, and the embeddings of `training.embed` where there are any.

    A copy of the embeddings is kept among the logs: when a run resumes, a trained model may have
    replaced them in the output folder.

    Args:
        settings: data, output and embeddings.
        logs: folder of checkpoints and logs.
        valid_share: share of each user's training events to validate on.

    Raises:
        DataError: the data set is missing or broken.
        ModelError: the embeddings are.
    """
    share = _test_share(settings)
    kept = logs / START
    resuming = settings.resume and kept.exists()
    folder = settings.embeddings
    if folder is None and (settings.output / ITEM_EMBEDDINGS).exists():
        # The embeddings of a trained model are not those of training.embed.
        trained = (settings.output / INFO).exists()
        folder = settings.output if resuming or not trained else None
    if folder is None:
        kept.unlink(missing_ok=True)
        return load_sequences(settings.data, test_share=share, valid_share=valid_share), None
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
    data = load_sequences(
        settings.data, items=items, users=users, test_share=share, valid_share=valid_share
    )
    return data, tables


def load_after(
    settings: TrainSettings, start: Start, valid_share: float = VALID_SHARE
) -> Sequences:
    """The data set, with the ids of the model to start from and new ones after them.

    Raises:
        DataError: the data set is missing or broken.
    """
    share = _test_share(settings)
    found = load_sequences(settings.data, test_share=share, valid_share=valid_share)
    items, users = extended(start.items, found.items), extended(start.users, found.users)
    return load_sequences(
        settings.data, items=items, users=users, test_share=share, valid_share=valid_share
    )


def _test_share(settings: TrainSettings) -> float:
    return 0.0 if settings.all_events else TEST_SHARE


def _kept_tables(path: Path) -> Tables:
    start = read_tensors(path)
    if set(start) != {"items", "users"}:
        raise CheckpointError(f"{path} holds no embeddings; {REMEDY}")
    return start["items"], start["users"]


def sizes_of(
    folder: Path,
    data: Sequences,
    tables: Tables | None,
    shape: NetworkSettings,
    config: TrainConfig,
) -> Sizes:
    """The shape of the network of a training without a model to start from."""
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


def lists_of(
    settings: TrainSettings, config: TrainConfig, data: Sequences, window: int
) -> tuple[ShownLists, ShownLists] | None:
    """The lists to learn from and to validate on; None where there is none to learn from.

    Raises:
        DataError: there is none though the settings need some.
    """
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
    return lists if len(lists[0]) else None


def no_lists_reason(data: Path) -> str:
    """Why a data set with a feedback log gave no list to learn from."""
    window = (read_meta(data).get("log") or {}).get("reward_window", "unknown")
    return (
        f"learnt from events alone: the log has no list whose reward window ({window} s) ends "
        "before its user's validation events, so the algorithm saw no reward of a list"
    )
