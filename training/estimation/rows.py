"""The rows that estimators read: one per item shown, with what two policies make of it.

Notation of the estimators: row i is an item a_i shown at place k_i in context x_i with
probability p_i = π_b(a_i | x_i, k_i) by the logging policy b. It earned r_i. The policy e that is
evaluated shows it with probability π_e(a_i | x_i, k_i). q̂ is a model of the reward.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rivulet.errors import UserError

Floats = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]


class EstimationError(UserError):
    """A log or a policy cannot be estimated from: one line that says why and what to do."""


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Items that were shown.

    Attributes:
        reward: float64 [n], r.
        propensity: float64 [n], p in (0, 1].
        chance: float64 [n], π_e of the item that was shown.
        episode: int64 [n], which list the row belongs to; rows of a list are adjacent, in the
            order of their places.
        cluster: int64 [n], whose behavior it is: a user. Rows of a cluster are not independent.
        modelled: float64 [n], q̂ of the item that was shown; zeros without a reward model.
        expected: float64 [n], Σ_a π_e(a) q̂(a) for the row's context and place; zeros without a
            reward model.
    """

    reward: Floats
    propensity: Floats
    chance: Floats
    episode: Int64s
    cluster: Int64s
    modelled: Floats
    expected: Floats

    def __len__(self) -> int:
        """The number of rows."""
        return len(self.reward)

    @property
    def weight(self) -> Floats:
        """Importance weights w = π_e / p, float64 [n]."""
        return self.chance / self.propensity

    def check(self) -> None:
        """Refuses what no estimator can use.

        Raises:
            EstimationError: there are no rows, or values that are impossible.
        """
        if not len(self):
            raise EstimationError("the log has no lists")
        for name in ("reward", "propensity", "chance", "modelled", "expected"):
            if not np.isfinite(getattr(self, name)).all():
                raise EstimationError(f"the log has a {name} that is not a finite number")
        if (self.propensity <= 0).any() or (self.propensity > 1).any():
            raise EstimationError("propensities must be above 0 and at most 1")
        if (self.chance < 0).any() or (self.chance > 1 + 1e-9).any():
            raise EstimationError("the policy's probabilities must be from 0 to 1")


def sums_by(keys: Int64s, values: Floats) -> Floats:
    """Sums of `values` by key, in the order of the sorted different keys.

    Args:
        keys: int64 [n].
        values: float64 [n].

    Returns:
        float64 [different keys].
    """
    _, place = np.unique(keys, return_inverse=True)
    return np.bincount(place, values).astype(np.float64)
