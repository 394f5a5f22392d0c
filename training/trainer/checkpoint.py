"""Checkpoints: the state of a training run, from which it resumes with equal results."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from rivulet.errors import UserError

REMEDY = "train without --resume, or remove the file"


class CheckpointError(UserError):
    """A checkpoint cannot be read, or belongs to another run."""


def read_tensors(path: Path) -> dict[str, Any]:
    """A dict that `torch.save` wrote, without executable content.

    Raises:
        CheckpointError: the file cannot be read.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # On foreign bytes PyTorch's loader raises exceptions of any class.
        reason = " ".join(str(error).split())[:80] or type(error).__name__
        raise CheckpointError(f"{path} cannot be read: {reason}; {REMEDY}") from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{path} cannot be read: it holds no dict; {REMEDY}")
    return content


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The state of a run after an epoch.

    Attributes:
        run: options and data of the run; only a run with equal ones may resume from it.
        stage: name of the current stage.
        epoch: finished epochs of the stage.
        best: validation metrics of the stage's best epoch.
        best_epoch: number of that epoch.
        learner: state of the learner.
        best_network: state of the network after the best epoch.
        metrics: validation metrics of the finished stages.
    """

    run: dict[str, Any]
    stage: str
    epoch: int
    best: dict[str, float]
    best_epoch: int
    learner: dict[str, Any]
    best_network: dict[str, Any]
    metrics: dict[str, float]

    def write(self, path: Path) -> None:
        """Writes the file, atomically."""
        temporary = path.with_suffix(".tmp")
        torch.save({name: getattr(self, name) for name in self.__slots__}, temporary)
        temporary.replace(path)

    @staticmethod
    def read(path: Path, run: dict[str, Any]) -> Checkpoint | None:
        """The checkpoint at `path`; None where there is no file.

        Raises:
            CheckpointError: it cannot be read, or belongs to a run with other options or data.
        """
        if not path.exists():
            return None
        try:
            found = Checkpoint(**read_tensors(path))
            if not isinstance(found.run, dict):
                raise ValueError("it does not say of which run it is")
        except (TypeError, ValueError) as error:
            raise CheckpointError(f"{path} cannot be read: {error}; {REMEDY}") from error
        differing = [name for name in run if found.run.get(name) != run[name]]
        if differing:
            raise CheckpointError(
                f"{path} belongs to a run with other options or data "
                f"({', '.join(differing)}); give the same, or train without --resume"
            )
        return found

    @staticmethod
    def read_if_of(path: Path, run: dict[str, Any]) -> Checkpoint | None:
        """As `read`, with None for a checkpoint that the run cannot resume from."""
        try:
            return Checkpoint.read(path, run)
        except CheckpointError:
            return None
