"""The loop that runs a learner: epochs, validation, early stopping, checkpoints, progress."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.progress import Progress
from torch import nn

from training.algorithms.learner import Learner, restore, state_of
from training.datasets.batches import IdDropout, Steps, shuffled
from training.trainer.checkpoint import Checkpoint
from training.trainer.run_log import RunLog
from training.trainer.validation import Validate

STAGES = ("supervised", "policy", "supervised_again", "policy_again")
VALIDATION_ROWS = 10_000


@dataclass(frozen=True, slots=True)
class FitOptions:
    """How long and how a stage is trained.

    Attributes:
        epochs: at most.
        batch_size: rows in a step.
        patience: epochs without a better validation after which the stage ends.
        seed: of the order of rows, dropout and all that the learner draws.
        device: where to train.
        keep_start: whether the network before the first epoch may be the best.
    """

    epochs: int
    batch_size: int
    patience: int
    seed: int
    device: torch.device
    keep_start: bool = False


@dataclass(frozen=True, slots=True)
class Watch:
    """What looks at a run while it goes on; None for what is not wanted.

    Attributes:
        progress: shows a bar per epoch.
        log: gets each epoch's values.
        checkpoint: the file to write after each epoch.
        run: what the checkpoint is of.
        resumed: a checkpoint to go on from.
        found: what validation found of the stages that are done; the checkpoints get it.
    """

    progress: Progress | None = None
    log: RunLog | None = None
    checkpoint: Path | None = None
    run: dict[str, Any] | None = None
    resumed: Checkpoint | None = None
    found: dict[str, float] = field(default_factory=dict)


def fit(
    stage: str,
    learner: Learner,
    train: Steps,
    validate: Validate,
    options: FitOptions,
    strangers: IdDropout,
    watch: Watch,
) -> dict[str, float]:
    """Trains until the epochs or the patience end, and leaves the network at its best.

    An epoch is drawn from (seed, stage, epoch) alone, so that a resumed run repeats none of it
    and differs in nothing. Where the learner goes on from a network that says something already,
    that is epoch 0: it stays where no epoch is better.

    Args:
        stage: one of STAGES.
        learner: trained in place.
        train: rows to learn from.
        validate: measures the network; if it finds nothing to, the last epoch is the best.
        options: how long and how.
        strangers: which ids to hide.
        watch: what looks on.

    Returns:
        What `validate` found of the best epoch, and its number as `epoch`.
    """
    started = time.monotonic()
    best = Best.none()
    if watch.resumed is not None and watch.resumed.stage == stage:
        restore(learner, watch.resumed.learner)
        first = watch.resumed.epoch + 1
        best = Best(watch.resumed.best_epoch, watch.resumed.best, watch.resumed.best_network)
    else:
        first = 1
        if options.keep_start:
            best = Best.of(0, validate(learner.result), learner.result)
            if watch.log:
                watch.log.write(stage, 0, best.values, time.monotonic() - started)
    for epoch in range(first, options.epochs + 1):
        if best.network and epoch - 1 - best.epoch >= options.patience:
            break
        losses = _epoch(stage, epoch, learner, train, options, strangers, watch.progress)
        values = validate(learner.result)
        if best.beaten_by(values):
            best = Best.of(epoch, values, learner.result)
        if watch.log:
            watch.log.write(stage, epoch, losses | values, time.monotonic() - started)
        if watch.checkpoint:
            state = state_of(learner)
            run, found = watch.run or {}, dict(watch.found)
            Checkpoint(
                run, stage, epoch, best.values, best.epoch, state, best.network, found
            ).write(watch.checkpoint)
    if best.network:
        learner.network.load_state_dict(best.network)
    return best.values | {"epoch": float(best.epoch)}


@dataclass(frozen=True, slots=True)
class Best:
    """The best epoch so far.

    Attributes:
        epoch: its number.
        values: what validation found, the one that decides first.
        network: the network's state then; empty before there is one.
    """

    epoch: int
    values: dict[str, float]
    network: dict[str, Any]

    @staticmethod
    def none() -> Best:
        """Before the first epoch."""
        return Best(0, {}, {})

    @staticmethod
    def of(epoch: int, values: dict[str, float], network: nn.Module) -> Best:
        """An epoch, with a copy of the network."""
        return Best(epoch, values, copy.deepcopy(network.state_dict()))

    def beaten_by(self, values: dict[str, float]) -> bool:
        """Whether an epoch with these values is better; with none, a later one is."""
        if not self.values or not values:
            return True
        return next(iter(values.values())) > next(iter(self.values.values()))


def _epoch(
    stage: str,
    epoch: int,
    learner: Learner,
    train: Steps,
    options: FitOptions,
    strangers: IdDropout,
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
