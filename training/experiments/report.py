"""What an experiment shows: rewards a user by arm, differences, the check of the sample ratio."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import chisquare

from training.estimation.rows import EstimationError
from training.experiments.always_valid import FEWEST, Arm, Difference, difference
from training.experiments.arms import Experiment

MISMATCH = 0.001
"""P value of the sample ratio under which the arms' numbers of users are no chance."""


@dataclass(frozen=True, slots=True)
class ArmReport:
    """An arm.

    Attributes:
        arm: its name.
        users: its users.
        reward: mean reward a user.
        difference: less that of the control; None for the control.
        low: lower end of the difference's always-valid 95% interval; None for none.
        high: its upper end.
    """

    arm: str
    users: int
    reward: float
    difference: float | None = None
    low: float | None = None
    high: float | None = None

    @property
    def verdict(self) -> str:
        """Better, worse, or not shown."""
        if self.low is not None and self.low > 0:
            return "better"
        if self.high is not None and self.high < 0:
            return "worse"
        return "control" if self.difference is None else "not shown"


@dataclass(frozen=True, slots=True)
class Report:
    """An experiment.

    Attributes:
        arms: the control first.
        ratio_p: p value of the arms' numbers of users, by the expected shares.
        mixed: users left out because they have lists of several arms.
        undecided: users left out because no model has ranked for them.
    """

    arms: tuple[ArmReport, ...]
    ratio_p: float
    mixed: int
    undecided: int

    @property
    def mismatch(self) -> bool:
        """Whether the arms' numbers of users contradict the expected shares."""
        return self.ratio_p < MISMATCH

    def as_json(self) -> dict[str, Any]:
        """The report as JSON."""
        return {
            "arms": [
                {
                    **{name: getattr(each, name) for name in ArmReport.__slots__},
                    "verdict": each.verdict,
                }
                for each in self.arms
            ],
            "sample_ratio": {"p": self.ratio_p, "mismatch": self.mismatch},
            "mixed": self.mixed,
            "undecided": self.undecided,
        }


def report(log: Experiment, control: str, shares: Mapping[str, float]) -> Report:
    """What the log's experiment shows.

    Args:
        log: rewards and arms.
        control: name of the arm to compare with; "" for the first.
        shares: expected shares of the users by arm; empty for equal ones.

    Raises:
        EstimationError: there is one arm alone, or a name is not that of an arm.
    """
    if len(log.arms) < 2:
        raise EstimationError(
            f"the log has one arm alone, {log.arms[0]}: give the job several models with names, "
            "--model a=DIR:0.9 --model b=DIR:0.1"
        )
    control = control or log.arms[0]
    shares = shares or dict.fromkeys(log.arms, 1.0)
    if wrong := [name for name in (control, *shares) if name not in log.arms]:
        raise EstimationError(f"{wrong[0]} is no arm of the log; these are: {', '.join(log.arms)}")
    if missing := [name for name in log.arms if name not in shares]:
        raise EstimationError(f"--share has no share of the arm {missing[0]}")
    looks = _looks(log)
    arms = {name: _stacked([look[place] for look in looks]) for place, name in enumerate(log.arms)}
    base = arms[control]
    found = [ArmReport(control, int(base.users[-1]), float(base.mean[-1]))]
    found += [
        _compared(name, arm, difference(base, arm)) for name, arm in arms.items() if name != control
    ]
    users = np.array([arms[name].users[-1] for name in log.arms])
    expected = np.array([shares[name] for name in log.arms])
    ratio = chisquare(users, expected / expected.sum() * users.sum())
    return Report(tuple(found), float(ratio.pvalue), log.mixed, log.undecided)


def _looks(log: Experiment) -> list[list[Arm]]:
    """The first look at which all arms have users enough, which fixes the boundary, and the last.

    The looks in between change nothing of the last.
    """
    ends = log.looks()
    last = log.at(int(ends[-1]))
    if min(float(arm.users[0]) for arm in last) < FEWEST:
        return [last]
    for end in ends:
        first = log.at(int(end))
        if min(float(arm.users[0]) for arm in first) >= FEWEST:
            break
    return [first, last]


def _stacked(looks: list[Arm]) -> Arm:
    return Arm(*(np.concatenate([getattr(look, name) for look in looks]) for name in Arm.__slots__))


def _compared(name: str, arm: Arm, found: Difference) -> ArmReport:
    low, high = float(found.low[-1]), float(found.high[-1])
    told = np.isfinite(low)
    return ArmReport(
        name, int(arm.users[-1]), float(arm.mean[-1]), float(found.value[-1]),
        low if told else None, high if told else None,
    )  # fmt: skip


def markdown(found: Report) -> str:
    """A table, a row per arm, and what is wrong with the experiment."""
    lines = [
        "| arm | users | reward a user | difference | always-valid 95% interval | |",
        "|---|---|---|---|---|---|",
    ]
    for each in found.arms:
        value = "" if each.difference is None else f"{each.difference:+.4g}"
        ends = "" if each.low is None else f"{each.low:+.4g} to {each.high:+.4g}"
        lines.append(
            f"| {each.arm} | {each.users:,} | {each.reward:.4g} | {value} | {ends} | "
            f"{each.verdict} |"
        )
    lines.append("")
    said = "MISMATCH: the result cannot be trusted" if found.mismatch else "as expected"
    lines.append(f"sample ratio: {said} (p = {found.ratio_p:.2g})")
    if found.mixed or found.undecided:
        lines.append(
            f"left out: {found.mixed:,} users with lists of several arms, "
            f"{found.undecided:,} for whom no model has ranked"
        )
    return "\n".join(lines) + "\n"
