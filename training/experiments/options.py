"""The options of `python -m training.experiment`."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rivulet.settings import option

PLAN, REPORT = "plan", "report"
ACTIONS = (PLAN, REPORT)


def share(text: str) -> tuple[str, float]:
    """An arm and its share, such as a=0.9.

    Raises:
        ValueError: it is none.
    """
    name, _, number = text.partition("=")
    try:
        value = float(number)
    except ValueError:
        value = math.nan
    if not name or not 0 < value < math.inf:
        raise ValueError(f"{text!r} is no share of an arm such as a=0.9")
    return name, value


@dataclass(frozen=True)
class ExperimentSettings:
    """Log and arms.

    Attributes:
        log: feedback log: for report that of the experiment; for plan one from before it, whose
            users' rewards stand for those to come.
        control: arm that the others are compared with.
        share: shares of the users by arm, as the job's --model has them: a=0.9 b=0.1.
        effect: relative effect to be found.
        power: probability of finding it.
        treated: share of the users in the new arm.
        json: file to write the result to, as JSON.
    """

    log: Path = option(metavar="LOG")
    control: str = option("", "ARM", shown="the first by name")
    share: tuple[tuple[str, float], ...] = option(
        (), "ARM=SHARE", parse=share, several=True, shown="equal"
    )
    effect: float = option(0.05, "SHARE", above=0, most=10)
    power: float = option(0.8, "SHARE", above=0, most=0.999)
    treated: float = option(0.5, "SHARE", above=0, most=0.999)
    json: Path | None = option(None, "FILE")


def problems(settings: ExperimentSettings, action: str) -> Iterator[str]:
    """Options that an action does not have."""
    default = {"effect": 0.05, "power": 0.8, "treated": 0.5, "control": "", "share": ()}
    other = ("effect", "power", "treated") if action == REPORT else ("control", "share")
    for name in other:
        if getattr(settings, name) != default[name]:
            yield f"--{name} is of {PLAN if action == REPORT else REPORT}"
