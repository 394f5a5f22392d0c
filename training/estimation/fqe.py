"""Fitted Q evaluation: what a policy earns over a user's coming lists.

Q(s, L) = E[Σ_t γ^t r_t] from showing the list L in the state s and the policy's lists from then on
is linear in features φ(s, L) of a list (Le, Voloshin and Yue, ICML 2019; with linear functions
fitted Q evaluation ends at the least squares of temporal differences, Duan, Jia and Wang, ICML
2020):

    A = Σ φ_i (φ_i - γ φ'_i)ᵀ + λ I,   θ = A⁻¹ Σ φ_i r_i,   V = (1 - γ) mean_s φ(s, π_e(s))ᵀ θ

with φ'_i = φ(s'_i, π_e(s'_i)) and s' the state of the user's next list. A user's last list has no
next one in the log, which is the log's end and not the user's: it is left out of the regression.
V is the discounted mean reward of a list, so that it compares with the other estimators; with
γ = 0 it is a direct method.

The interval is that of the estimate's influence function, summed within users (as
`training.estimation.intervals`). The weights are ω_i = m ν̄ᵀ A⁻¹ φ_i with m the number of lists in
the regression and ν̄ the mean of φ(s, π_e(s)): V = (1 - γ) / m Σ ω_i r_i, so that they take the
place of importance weights.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.estimation.intervals import Interval, clustered_mean
from training.estimation.list_log import ListLog
from training.estimation.list_model import ListModel
from training.estimation.rows import Floats, Int64s
from training.estimation.targets import RankedTarget, Target

RIDGE = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class LongTerm:
    """An estimate over a user's coming lists.

    Attributes:
        interval: the value and its interval.
        weight: float64 [m], ω of each list with a next one.
    """

    interval: Interval
    weight: Floats


def fitted_q(log: ListLog, model: ListModel, target: Target, gamma: float) -> LongTerm | None:
    """The long-term value of a policy.

    Args:
        log: lists, ordered by time.
        model: the reward model of the log, for features.
        target: the policy.
        gamma: discount per list of a user, in [0, 1).

    Returns:
        None where no user has two lists.
    """
    now, after = _successive(log.user)
    if not len(now):
        return None
    ids = model.vectors.ids
    shown = RankedTarget(ids.rows(log.items), log.length)
    # The scale of features is that of all lists, so that λ means the same for each.
    logged, aimed = _features(model, shown), _features(model, target)
    scale = np.sqrt((logged**2).mean(axis=0))
    scale[scale == 0] = 1
    logged, aimed = logged / scale, aimed / scale
    phi, ahead = logged[now], aimed[after]
    reward = log.reward.sum(axis=1)[now]
    a = phi.T @ (phi - gamma * ahead) + RIDGE * np.eye(phi.shape[1])
    theta = np.linalg.solve(a, phi.T @ reward)
    mean = aimed.mean(axis=0)
    weight: Floats = len(now) * (phi @ np.linalg.solve(a.T, mean))
    error = reward + gamma * (ahead @ theta) - phi @ theta
    # Influence: of the states' distribution, and of θ.
    influence = (aimed @ theta) - float(mean @ theta)
    influence[now] += weight * error * (len(log) / len(now))
    value = (1 - gamma) * float(mean @ theta)
    return LongTerm(clustered_mean(value, (1 - gamma) * influence, log.user), weight)


def _successive(user: Int64s) -> tuple[Int64s, Int64s]:
    """Positions of lists and of the same user's next one; `user` is ordered by time."""
    order = np.argsort(user, kind="stable")
    same = np.flatnonzero(np.diff(user[order]) == 0)
    return order[same], order[same + 1]


def _features(model: ListModel, target: Target) -> Floats:
    """φ(s, L) of each list, float64 [n, 3 + 3 d]: 1, |L|, Σ q̂, h, Σ e, h * Σ e."""
    table = model.vectors.table
    sums = target.sums(np.hstack([np.ones((len(table), 1)), table]))
    one = np.ones((len(sums), 1))
    reward = model.expected(target)[:, None]
    means = model.means
    return np.hstack([one, sums[:, :1], reward, means, sums[:, 1:], means * sums[:, 1:]])
