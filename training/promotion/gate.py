"""The gate: whether a candidate is better than the model in use, by off-policy estimates.

Both are estimated on the same lists by the doubly robust estimator, so that what they have in
common cancels: the interval is that of the difference. The candidate passes where its lower end is
above 0, that is where the estimate's lower bound is above the model's in use. Without a model in
use the lists that were shown take its place.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from inference.policy import Policy
from training.estimation.estimators import DoublyRobust, Terms
from training.estimation.intervals import Interval, clustered, effective_sample_size
from training.estimation.list_estimates import ListEstimator
from training.estimation.report import Estimate
from training.estimation.rows import Rows
from training.estimation.targets import Target

ESTIMATORS = ("ips", "snips", "dr")
"""What is written down beside the difference."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a log must have for the gate to say anything.

    Attributes:
        min_ess: least effective sample size of the candidate's weights.
        most_unsupported: largest share of the candidate's items that the exploring lists could not
            have shown; a reward model alone says what these earn.
    """

    min_ess: float = 100.0
    most_unsupported: float = 0.5


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the gate says.

    Attributes:
        passes: whether the candidate is to be promoted.
        reason: why, or why not.
        difference: candidate less the model in use, in reward per list.
        estimates: of both models.
    """

    passes: bool
    reason: str
    difference: Interval
    estimates: tuple[Estimate, ...]


def judge(
    estimator: ListEstimator, candidate: Policy, current: Policy | None, limits: Limits
) -> Verdict:
    """Compares a candidate with the model in use.

    Args:
        estimator: of lists that neither was trained on.
        candidate: the candidate.
        current: the model in use; None for none.
        limits: of the log.
    """
    unknown = Interval(math.nan, -math.inf, math.inf)
    if not len(estimator.supported):
        reason = (
            "cannot tell: nothing in the log's lists was drawn; run the job with --explore, "
            "so that other lists than the policy's own have a probability"
        )
        return Verdict(False, reason, unknown, ())
    estimator = replace(estimator, log=estimator.supported)
    named: list[tuple[str, Policy]] = [("candidate", candidate)]
    if current is not None:
        named.append(("in use", current))
    estimates = [
        each for name, policy in named for each in estimator.estimates(name, policy, ESTIMATORS)
    ]
    target = estimator.target(candidate)
    other = None if current is None else estimator.target(current)
    return verdict(estimator, target, other, estimates, limits)


def verdict(
    estimator: ListEstimator,
    candidate: Target,
    current: Target | None,
    estimates: Sequence[Estimate],
    limits: Limits,
) -> Verdict:
    """As `judge`, for what the two policies show in the states of `estimator.supported`."""
    rows = estimator.rows(candidate)
    other = None if current is None else estimator.rows(current)
    difference = clustered(_difference(rows, other), rows.cluster)
    ess = effective_sample_size(rows.weight)
    unsupported = estimator.unsupported(candidate, rows.weight)
    ends = f"{difference.value:+.4g} a list ({difference.low:+.4g} to {difference.high:+.4g})"
    than = "the lists that were shown" if current is None else "the model in use"
    if ess < limits.min_ess:
        passes = False
        reason = f"cannot tell: the effective sample size is {ess:.0f}, under {limits.min_ess:g}"
    elif unsupported > limits.most_unsupported:
        passes = False
        reason = (
            f"cannot tell: {unsupported:.0%} of the candidate's items could not have been shown, "
            f"above {limits.most_unsupported:.0%}"
        )
    else:
        passes = difference.low > 0
        reason = f"{'better' if passes else 'not shown to be better'} than {than}: {ends}"
    return Verdict(passes, reason, difference, tuple(estimates))


def _difference(rows: Rows, other: Rows | None) -> Terms:
    estimator = DoublyRobust()
    terms = estimator.terms(rows)
    base = rows.reward if other is None else estimator.terms(other).numerator
    apart = terms.numerator - base
    # Equal lists in another order differ by rounding alone, which is no difference.
    rounding = 1e-9 * (np.abs(terms.numerator) + np.abs(base))
    return Terms(np.where(np.abs(apart) > rounding, apart, 0.0), terms.denominator)
