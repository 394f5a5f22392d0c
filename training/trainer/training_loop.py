"""The training loop of a stage: epochs, validation, early stopping, checkpoints, progress."""

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
from training.trainer.checkpoint import Checkpoint, CheckpointError
from training.trainer.run_log import RunLog
from training.trainer.validation import Validate

STAGES = ("supervised", "policy", "supervised_again", "policy_again")


@dataclass(frozen=True, slots=True)
class LoopConfig:
    """How a stage is trained.

    Attributes:
        epochs: epochs, at most.
        batch_size: rows of a step.
        patience: epochs without a better validation after which the stage ends.
        seed: seed of the order of rows, dropout and all draws of the learner.
        device: device to train on.
        keep_start: whether the network before the first epoch may be the best.
    """

    epochs: int
    batch_size: int
    patience: int
    seed: int
    device: torch.device
    keep_start: bool = False


@dataclass(frozen=True, slots=True)
class Monitor:
    """Progress, logs and checkpoints of a run; None for what is not wanted.

    Attributes:
        progress: shows a bar per epoch.
        log: receives each epoch's values.
        checkpoint: the file to write after each epoch.
        run: the options and data of the run, for its checkpoints.
        resumed: the checkpoint to continue from.
        metrics: validation metrics of the finished stages, for the checkpoints.
    """

    progress: Progress | None = None
    log: RunLog | None = None
    checkpoint: Path | None = None
    run: dict[str, Any] | None = None
    resumed: Checkpoint | None = None
    metrics: dict[str, float] = field(default_factory=dict)


def training_loop(
    stage: str,
    learner: Learner,
    train: Steps,
    validate: Validate,
    config: LoopConfig,
    id_dropout: IdDropout,
    monitor: Monitor,
) -> dict[str, float]:
    """Trains until the epochs or the patience end, and leaves the network at its best.

    All draws of an epoch depend on (seed, stage, epoch) alone, so that a resumed run equals one
    that was not interrupted. With `keep_start` the network before training is epoch 0, which
    stays the best if no later epoch is better.

    Args:
        stage: one of STAGES.
        learner: trained in place.
        train: rows to learn from.
        validate: measures the network; without metrics the last epoch is the best.
        config: how to train.
        id_dropout: replaces ids by the unknown one.
        monitor: progress, logs and checkpoints.

    Returns:
        The validation metrics of the best epoch, and its number as `epoch`.
    """
    started = time.monotonic()
    best = Best.none()
    if monitor.resumed is not None and monitor.resumed.stage == stage:
        try:
            restore(learner, monitor.resumed.learner)
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise CheckpointError(f"the checkpoint does not fit {stage}: {error}") from error
        first = monitor.resumed.epoch + 1
        best = Best(monitor.resumed.best_epoch, monitor.resumed.best, monitor.resumed.best_network)
    else:
        first = 1
        if config.keep_start:
            best = Best.of(0, validate(learner.result), learner.result)
            if monitor.log:
                monitor.log.write(stage, 0, best.values, time.monotonic() - started)
    for epoch in range(first, config.epochs + 1):
        if best.network and epoch - 1 - best.epoch >= config.patience:
            break
        losses = _epoch(stage, epoch, learner, train, config, id_dropout, monitor.progress)
        values = validate(learner.result)
        if best.beaten_by(values):
            best = Best.of(epoch, values, learner.result)
        if monitor.log:
            monitor.log.write(stage, epoch, losses | values, time.monotonic() - started)
        if monitor.checkpoint:
            Checkpoint(
                run=monitor.run or {},
                stage=stage,
                epoch=epoch,
                best=best.values,
                best_epoch=best.epoch,
                learner=state_of(learner),
                best_network=best.network,
                metrics=dict(monitor.metrics),
            ).write(monitor.checkpoint)
    if best.network:
        learner.network.load_state_dict(best.network)
    return best.values | {"epoch": float(best.epoch)}


@dataclass(frozen=True, slots=True)
class Best:
    """The best epoch so far.

    Attributes:
        epoch: its number.
        values: its validation metrics; the first one decides.
        network: the network's state after it; empty before the first epoch.
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
        """Whether an epoch with these metrics is better; without metrics every later one is."""
        if not self.values or not values:
            return True
        return next(iter(values.values())) > next(iter(self.values.values()))


def _epoch(
    stage: str,
    epoch: int,
    learner: Learner,
    train: Steps,
    config: LoopConfig,
    id_dropout: IdDropout,
    progress: Progress | None,
) -> dict[str, float]:
    """Trains one epoch; the mean losses."""
    seed = [config.seed, STAGES.index(stage), epoch]
    torch.manual_seed(int(np.random.default_rng(seed).integers(1 << 62)))
    rng = np.random.default_rng([*seed, 1])
    learner.network.train()
    sums: dict[str, torch.Tensor] = {}
    batches = 0
    advance: Callable[[int], None] = lambda rows: None  # noqa: E731
    if progress:
        bar = progress.add_task(f"{stage} {epoch}/{config.epochs}", total=len(train))
        advance = lambda rows: progress.advance(bar, rows)  # noqa: E731
    for batch in shuffled(train, config.batch_size, rng, config.device):
        for name, loss in learner.update(id_dropout.apply(batch)).items():
            sums[name] = sums.get(name, torch.zeros((), device=config.device)) + loss
        batches += 1
        advance(len(batch.actions))
    if progress:
        progress.remove_task(bar)
    return {name: float(total) / batches for name, total in sums.items()}
