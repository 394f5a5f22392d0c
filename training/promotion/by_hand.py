"""Promotion and rollback by hand."""

from __future__ import annotations

import time
from pathlib import Path

from training.promotion.decisions import (
    PROMOTE,
    ROLLBACK,
    Decision,
    PromotionError,
    decide,
    in_use,
    is_version_name,
    locked,
    read_decisions,
    recover,
)


def promote(folder: Path, version: str) -> Decision:
    """Names a version in CURRENT, after a canary ranking of it.

    Raises:
        ModelError: the version cannot be loaded.
        PromotionError: it is in use already, or another process decides.
    """
    with locked(folder):
        recover(folder)
        return _use(folder, version, PROMOTE, "by hand")


def roll_back(folder: Path, version: str = "") -> Decision:
    """Names the version that was in use before, or a given one.

    Raises:
        ModelError: the version cannot be loaded.
        PromotionError: no version was in use before, or another process decides.
    """
    with locked(folder):
        recover(folder)
        return _use(folder, version or _before(folder), ROLLBACK, "by hand")


def _before(folder: Path) -> str:
    """The version before the one in use: what the promotion of the latter replaced."""
    now = in_use(folder)
    for decision in reversed(read_decisions(folder)):
        if decision.version == now and decision.before not in ("", now):
            return decision.before
    raise PromotionError(
        f"no decision of {folder} says which version was in use before {now or 'the first one'}; "
        "name one with --version"
    )


def _use(folder: Path, version: str, action: str, reason: str) -> Decision:
    from inference.models.directory import load_policy  # imports PyTorch

    before = in_use(folder)
    if version == before:
        raise PromotionError(f"{version} is in use already")
    if not is_version_name(version):
        raise PromotionError(f"{version!r} is no name of a version: give the name of a sub-folder")
    load_policy(folder / version, root=folder)
    decision = Decision(
        f"hand-{time.time_ns()}", action, version, before, reason, candidate=version
    )
    decide(folder, decision)
    return decision
