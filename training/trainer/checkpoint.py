"""Checkpoints: where a training run stands, so that it goes on as if it had never stopped."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch


class CheckpointError(RuntimeError):
    """A checkpoint cannot be read, or is of another run."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A run after an epoch.

    Attributes:
        run: what the run was asked for; only an equal one may go on from here.
        stage: name of the stage it is in.
        epoch: epochs done in that stage.
        best: what validation found of the best epoch so far in that stage.
        best_epoch: when that was.
        learner: state of the learner.
        best_network: state of the network at its best.
        found: what validation found of the stages before.
    """

    run: dict[str, Any]
    stage: str
    epoch: int
    best: dict[str, float]
    best_epoch: int
    learner: dict[str, Any]
    best_network: dict[str, Any]
    found: dict[str, float]

    def write(self, path: Path) -> None:
        """Writes it; the file appears whole."""
        fresh = path.with_suffix(".fresh")
        torch.save({name: getattr(self, name) for name in self.__slots__}, fresh)
        fresh.replace(path)

    @staticmethod
    def read(path: Path, run: dict[str, Any]) -> Checkpoint | None:
        """The checkpoint at `path`; None where there is no file.

        Raises:
            CheckpointError: it cannot be read, or is of a run with other options or data.
        """
        if not path.exists():
            return None
        try:
            content = torch.load(path, map_location="cpu", weights_only=True)
            found = Checkpoint(**content)
        except (OSError, RuntimeError, TypeError, ValueError, pickle.PickleError) as error:
            raise CheckpointError(f"{path} cannot be read; remove it to start anew") from error
        differing = [name for name in run if found.run.get(name) != run[name]]
        if differing:
            raise CheckpointError(
                f"{path} is of a run with other options or data "
                f"(of {', '.join(differing)}); give the same, or train without --resume"
            )
        return found

    @staticmethod
    def read_if_of(path: Path, run: dict[str, Any]) -> Checkpoint | None:
        """As `read`, with None for a checkpoint that there is no going on from."""
        try:
            return Checkpoint.read(path, run)
        except CheckpointError:
            return None
