"""Rows to estimates: all estimators on the rows that two policies make of a log."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from training.estimation.estimators import ESTIMATORS, Estimator, SwitchDR
from training.estimation.intervals import Interval, clustered, effective_sample_size
from training.estimation.report import Estimate
from training.estimation.rows import Rows

UNKNOWN = Interval(math.nan, -math.inf, math.inf)


@dataclass(frozen=True, slots=True)
class Case:
    """What is common to a policy's estimates.

    Attributes:
        policy: its name.
        unsupported: as of `Estimate`.
        n: as of `Estimate`.
        lists: as of `Estimate`.
        min_ess: as of `Estimate`.
    """

    policy: str
    unsupported: float
    n: int
    lists: int
    min_ess: float

    def estimate(
        self, name: str, interval: Interval, ess: float = 0.0, largest: float = 0.0
    ) -> Estimate:
        """The estimate of one estimator."""
        return Estimate(
            self.policy, name, interval, ess, self.unsupported, self.n, self.lists, largest,
            self.min_ess,
        )  # fmt: skip


def estimator_of(name: str, switch_threshold: float) -> Estimator:
    """The estimator of a name."""
    if name == SwitchDR.name:
        return SwitchDR(switch_threshold)
    return ESTIMATORS[name]()


def estimates_of(
    case: Case, rows: Rows, names: Sequence[str], switch_threshold: float
) -> Iterator[Estimate]:
    """Estimates from rows.

    Args:
        case: the policy.
        rows: checked rows; none for a log without support.
        names: of `ESTIMATORS`.
        switch_threshold: of switch-DR.
    """
    if not len(rows):
        yield from (case.estimate(name, UNKNOWN) for name in names)
        return
    rows.check()
    for name in names:
        estimator = estimator_of(name, switch_threshold)
        weights = estimator.weights(rows)
        interval = clustered(estimator.terms(rows), rows.cluster)
        ess = effective_sample_size(weights)
        yield case.estimate(name, interval, ess, float(weights.max()))
