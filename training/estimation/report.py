"""Estimates of policies' values as JSON and as a table."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.estimation.intervals import Interval

CANNOT_TELL = "cannot tell"


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a policy would have earned, by one estimator.

    Attributes:
        policy: the policy, as the user named it.
        estimator: the estimator's name.
        interval: mean reward of a list with its 95% interval.
        ess: effective sample size, in rows of items shown (fqe: in lists).
        unsupported: share of what the policy shows that the log could not have shown.
        n: lists that the estimate is from (a bandit log's rows).
        lists: lists in the log.
        largest_weight: the largest importance weight.
        min_ess: effective sample size under which nothing is said.
    """

    policy: str
    estimator: str
    interval: Interval
    ess: float
    unsupported: float
    n: int
    lists: int
    largest_weight: float
    min_ess: float

    @property
    def tells(self) -> bool:
        """Whether the log has enough support to say anything."""
        return self.n > 0 and self.ess >= self.min_ess and math.isfinite(self.interval.value)

    def as_json(self) -> dict[str, Any]:
        """The object of the JSON file; value, low and high are null for "cannot tell"."""
        ends = self.interval.value, self.interval.low, self.interval.high
        told = [end if self.tells and math.isfinite(end) else None for end in ends]
        return {
            "policy": self.policy,
            "estimator": self.estimator,
            **dict(zip(("value", "low", "high"), told, strict=True)),
            "ess": self.ess,
            "unsupported": self.unsupported,
            "n": self.n,
            "lists": self.lists,
            "largest_weight": self.largest_weight,
            "verdict": "estimated" if self.tells else CANNOT_TELL,
        }


def write_json(path: Path, estimates: Sequence[Estimate]) -> None:
    """Writes a JSON list, an object per policy and estimator."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps([each.as_json() for each in estimates], indent=2)
    path.write_text(text + "\n", encoding="utf-8")


def markdown(estimates: Sequence[Estimate]) -> str:
    """A table, a row per policy and estimator."""
    rows = [
        "| policy | estimator | reward per list | 95% interval | ESS | unsupported | "
        "largest weight | lists |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for each in estimates:
        interval = each.interval
        value, ends = f"{interval.value:.4g}", f"{interval.low:.4g} to {interval.high:.4g}"
        if not each.tells:
            value, ends = CANNOT_TELL, f"ESS under {each.min_ess:g}"
        rows.append(
            f"| {each.policy} | {each.estimator} | {value} | {ends} | {each.ess:,.0f} | "
            f"{each.unsupported:.1%} | {each.largest_weight:.3g} | {each.n:,} of {each.lists:,} |"
        )
    return "\n".join(rows) + "\n"
