"""The models of an evaluation: found, loaded, and their metrics recorded in model.json."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from inference.models.current import CURRENT, current_directory
from inference.models.directory import load_policy
from inference.models.files import ModelError
from inference.models.info import INFO, SUPERVISED_START, read_info, write_info
from inference.policy import Policy
from training.cli import progress_console
from training.datasets.sequences import Sequences
from training.evaluation.protocol import Report


def find_models(path: Path) -> list[Path]:
    """The model directories that a --model names, in the order of their names.

    Raises:
        ModelError: there is none.
    """
    if (path / INFO).exists() or (path / CURRENT).exists():
        return [current_directory(path)]
    found = sorted(info.parent for info in path.glob(f"*/{INFO}"))
    if not found:
        raise ModelError(
            f"{path} is no model directory and holds none; make one with `python -m training.train`"
        )
    return found


def load_models(path: Path, sequences: Sequences, device: str) -> tuple[str, list[Policy]]:
    """The policies of a --model, and their common name: the label of a single one.

    Raises:
        ModelError: there is none, or one is broken.
    """
    policies = [load_policy(each, device) for each in find_models(path)]
    for policy in policies:
        if policy.info.fingerprint != sequences.fingerprint:
            progress_console.print(
                f"note: {policy.info.label} in {path} was trained on other data", highlight=False
            )
    info = policies[0].info
    name = info.label if len(policies) == 1 else info.name or info.algorithm
    if all(_has_no_epoch(policy) for policy in policies):
        # `training.train --epochs 0`: the start is what was asked for.
        name = info.name or f"supervised start ({info.label})"
    elif all(policy.info.metrics.get("epoch") == 0 for policy in policies):
        # No epoch of the algorithm was better on validation: the result is not the algorithm's.
        if info.name == SUPERVISED_START:
            algorithm = str(info.training.get("algorithm", info.algorithm))
            name = algorithm if len(policies) > 1 else f"{algorithm}-{info.version}"
        name = f"supervised start of {name}"
    return name, policies


def _has_no_epoch(policy: Policy) -> bool:
    """Whether a policy was pretrained and its algorithm never trained."""
    metrics = policy.info.metrics
    return "epoch" not in metrics and any(name.startswith("supervised_") for name in metrics)


def record(paths: Sequence[Path], reports: Sequence[Report], protocol: str) -> None:
    """Writes the metrics of single models into their model.json, named `test_...`.

    Args:
        paths: the models that were measured, in the order of their reports.
        reports: the models' reports, and after them any others.
        protocol: whose metrics to write.

    Raises:
        ModelError: a model.json cannot be read.
    """
    for path, report in zip(paths, reports, strict=False):
        found = find_models(path)
        if len(found) > 1:
            continue
        scores = report.scores[protocol].items()
        info = read_info(found[0])
        measured = {f"test_{name}": round(score.value, 4) for name, score in scores}
        write_info(found[0], replace(info, metrics={**info.metrics, **measured}))
