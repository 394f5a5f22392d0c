"""Always-valid intervals of a difference between two arms: they hold at all looks together.

With d the difference of the arms' mean rewards a user, v = s_a² / n_a + s_b² / n_b its variance and
n the number of users, S = n d is a sum with the variance V = n² v. The normal mixture boundary

    |S| <= sqrt((V + ρ) log((V + ρ) / (ρ α²)))

holds for all V at once with probability 1 - α (Robbins, 1970; Howard, Ramdas, McAuliffe and Sekhon,
"Time-uniform, nonparametric, nonasymptotic confidence sequences", Annals of Statistics 2021, for
estimated variances Waudby-Smith et al., "Time-uniform central limit theory and asymptotic
confidence sequences", 2021). So the experiment may be looked at as often as wanted and stopped at
any look. ρ is fixed by the first look: V there times `FIRST_LOOKS`.

A user's reward grows from look to look, so that S has no independent increments. Its increments
are positively correlated, as users differ in how active they are: looks are more alike than those
of a martingale, and by Slepian's inequality the boundary is crossed less often.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

ALPHA = 0.05
FIRST_LOOKS = 24.0
"""The boundary is narrowest where V is about this many times that of the first look."""
FEWEST = 30
"""Users of an arm under which nothing is said."""


@dataclass(frozen=True, slots=True, eq=False)
class Arm:
    """An arm at some looks.

    Attributes:
        users: float64 [looks], n.
        mean: float64 [looks], mean reward a user.
        variance: float64 [looks], s².
    """

    users: Floats
    mean: Floats
    variance: Floats

    @staticmethod
    def of(reward: Floats, present: npt.NDArray[np.bool_]) -> Arm:
        """From users' rewards up to each look.

        Args:
            reward: float64 [looks, users].
            present: bool [looks, users], whether the user has been seen.
        """
        users = present.sum(axis=1).astype(np.float64)
        known = np.where(present, reward, 0)
        mean = known.sum(axis=1) / np.maximum(users, 1)
        squares = np.where(present, (reward - mean[:, None]) ** 2, 0).sum(axis=1)
        return Arm(users, mean, squares / np.maximum(users - 1, 1))


@dataclass(frozen=True, slots=True, eq=False)
class Difference:
    """Differences of two arms, b less a, with intervals that hold at all looks.

    Attributes:
        value: float64 [looks].
        low: float64 [looks]; -inf where an arm has too few users.
        high: float64 [looks]; inf there.
    """

    value: Floats
    low: Floats
    high: Floats


def difference(a: Arm, b: Arm, alpha: float = ALPHA) -> Difference:
    """The differences at each look, in the order of time."""
    value = b.mean - a.mean
    total = a.users + b.users
    fit = (a.users >= FEWEST) & (b.users >= FEWEST)
    v = a.variance / np.maximum(a.users, 1) + b.variance / np.maximum(b.users, 1)
    accrued = v * total**2
    usable = fit & (accrued > 0)
    margin = np.full(len(value), np.inf)
    if usable.any():
        rho = FIRST_LOOKS * accrued[np.argmax(usable)]
        half = boundary(accrued[usable], float(rho), alpha)
        margin[usable] = half / total[usable]
    return Difference(value, value - margin, value + margin)


def boundary(variance: Floats, rho: float, alpha: float = ALPHA) -> Floats:
    """The largest |S| at variances V, float64 of their shape."""
    more = variance + rho
    return np.sqrt(more * np.log(more / (rho * alpha**2)))
