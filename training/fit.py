"""The loop that runs a learner: epochs, validation, early stopping, checkpoints, progress."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.progress import Progress

from training.batches import Strangers, shuffled
from training.checkpoint import Checkpoint
from training.data import Transitions
from training.learner import Learner, restore, state_of
from training.runlog import RunLog
from training.validation import next_item_ndcg

STAGES = ("supervised", "policy")
VALIDATION_STEPS = 10_000


@dataclass(frozen=True, slots=True)
class FitOptions:
    """How long and how a stage is trained.

    Attributes:
        epochs: at most.
        batch_size: rows in a step.
        patience: epochs without a better validation after which the stage ends.
        seed: of the order of rows, dropout and all that the learner draws.
        device: where to train.
    """

    epochs: int
    batch_size: int
    patience: int
    seed: int
    device: torch.device


@dataclass(frozen=True, slots=True)
class Watch:
    """What looks at a run while it goes on; None for what is not wanted.

    Attributes:
        progress: shows a bar per epoch.
        log: gets each epoch's values.
        checkpoint: the file to write after each epoch.
        run: what the checkpoint is of.
        resumed: a checkpoint to go on from.
    """

    progress: Progress | None = None
    log: RunLog | None = None
    checkpoint: Path | None = None
    run: dict[str, Any] | None = None
    resumed: Checkpoint | None = None


def fit(
    stage: str,
    learner: Learner,
    train: Transitions,
    valid: Transitions,
    options: FitOptions,
    strangers: Strangers,
    watch: Watch,
) -> float:
    """Trains until the epochs or the patience end, and leaves the network at its best.

    An epoch is drawn from (seed, stage, epoch) alone, so that a resumed run repeats none of it
    and differs in nothing. The best network is that of an epoch of this stage: a stage
    that only makes things worse shows.

    Args:
        stage: one of STAGES.
        learner: trained in place.
        train: steps to learn from.
        valid: steps to validate on; with none, the last epoch is the best.
        options: how long and how.
        strangers: which ids to hide.
        watch: what looks on.

    Returns:
        The best validation NDCG@10.
    """
    best, best_epoch, first = -1.0, 0, 1
    best_network = copy.deepcopy(learner.network.state_dict())
    if watch.resumed is not None and watch.resumed.stage == stage:
        restore(learner, watch.resumed.learner)
        best, best_epoch = watch.resumed.best, watch.resumed.best_epoch
        best_network, first = watch.resumed.best_network, watch.resumed.epoch + 1
    sample = np.random.default_rng(options.seed).permutation(len(valid))[:VALIDATION_STEPS]
    valid = valid.take(np.sort(sample))
    started = time.monotonic()
    for epoch in range(first, options.epochs + 1):
        if epoch - 1 - best_epoch >= options.patience and best_epoch:
            break
        values = _epoch(stage, epoch, learner, train, options, strangers, watch.progress)
        if len(valid):
            values["ndcg@10"] = next_item_ndcg(learner.network, valid, options.device)
        if values.get("ndcg@10", float(epoch)) > best:
            best, best_epoch = values.get("ndcg@10", float(epoch)), epoch
            best_network = copy.deepcopy(learner.network.state_dict())
        if watch.log:
            watch.log.write(stage, epoch, values, time.monotonic() - started)
        if watch.checkpoint:
            state = state_of(learner)
            Checkpoint(watch.run or {}, stage, epoch, best, best_epoch, state, best_network).write(
                watch.checkpoint
            )
    learner.network.load_state_dict(best_network)
    return best if len(valid) else float("nan")


def _epoch(
    stage: str,
    epoch: int,
    learner: Learner,
    train: Transitions,
    options: FitOptions,
    strangers: Strangers,
    progress: Progress | None,
) -> dict[str, float]:
    seed = [options.seed, STAGES.index(stage), epoch]
    torch.manual_seed(int(np.random.default_rng(seed).integers(1 << 62)))
    rng = np.random.default_rng([*seed, 1])
    learner.network.train()
    sums: dict[str, torch.Tensor] = {}
    batches = 0
    show: Callable[[int], None] = lambda rows: None  # noqa: E731
    if progress:
        bar = progress.add_task(f"{stage} {epoch}/{options.epochs}", total=len(train))
        show = lambda rows: progress.advance(bar, rows)  # noqa: E731
    for batch in shuffled(train, options.batch_size, rng, options.device):
        for name, loss in learner.update(strangers.hide(batch)).items():
            sums[name] = sums.get(name, torch.zeros((), device=options.device)) + loss
        batches += 1
        show(len(batch.actions))
    if progress:
        progress.remove_task(bar)
    return {name: float(total) / batches for name, total in sums.items()}
