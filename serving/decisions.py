"""The decisions of `training.loop`: the end of decisions.jsonl, and the arms that CURRENT names."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson

from inference.models.current import current_stages
from inference.models.files import ModelError
from serving.schemas.loop import Arm, Decision, Decisions, Difference

DECISIONS = "decisions.jsonl"
_TAIL_BYTES = 1 << 20
_CHARACTERS = 300


def decisions_file(given: Path | None, models: Sequence[str]) -> Path | None:
    """The file of decisions: the given one, else that of the first model folder that has one."""
    if given is not None:
        return given
    # A value of --model is [NAME=]DIR.
    found = (Path(value.partition("=")[2] or value) / DECISIONS for value in models)
    return next((path for path in found if path.is_file()), None)


def last_decisions(path: Path | None, limit: int) -> Decisions:
    """The last decisions, newest first, and the versions that share the users by the last stage.

    Only the last MiB of the file is read. Lines that are no decisions are left out.

    Args:
        path: the file; it may be missing. None for no file.
        limit: decisions to return at most.
    """
    if path is None:
        return Decisions(False, [], [])
    try:
        with path.open("rb") as file:
            start = max(0, file.seek(0, 2) - _TAIL_BYTES)
            file.seek(start)
            tail = file.read(_TAIL_BYTES)
    except OSError:
        return Decisions(False, [], [])
    lines = tail.split(b"\n")[1 if start else 0 : -1]
    found = [each for line in reversed(lines) if (each := _decision(line))]
    return Decisions(True, _arms(path.parent), found[:limit])


def _arms(folder: Path) -> list[Arm]:
    try:
        stages = current_stages(folder)
    except (ModelError, OSError):
        return []
    if not stages:
        return []
    return [Arm(version, share, stages[-1].since) for version, share in stages[-1].shares]


def _decision(line: bytes) -> Decision | None:
    try:
        found = orjson.loads(line)
        time, figures = found.get("time"), found.get("figures")
    except (orjson.JSONDecodeError, AttributeError):
        return None

    def text(name: str) -> str:
        value = str(found.get(name, ""))
        return value if len(value) <= _CHARACTERS else value[:_CHARACTERS] + "…"

    return Decision(
        time=time if type(time) is int else 0,
        action=text("action"),
        version=text("version"),
        before=text("before"),
        candidate=text("candidate"),
        reason=text("reason"),
        difference=_difference(figures),
    )


def _difference(figures: Any) -> Difference | None:
    given = figures.get("difference") if isinstance(figures, dict) else None
    if not isinstance(given, dict):
        return None
    ends = [
        float(end)
        for end in (given.get(name) for name in ("value", "low", "high"))
        if isinstance(end, int | float) and math.isfinite(end)
    ]
    return Difference(*ends) if len(ends) == 3 else None
