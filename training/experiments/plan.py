"""How many users and days an experiment needs, with always-valid intervals."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.stats import norm

from training.estimation.rows import EstimationError
from training.experiments.always_valid import FIRST_LOOKS, boundary
from training.experiments.arms import HOUR, Experiment

DAY = 24 * HOUR
MOST_USERS = 10**10


@dataclass(frozen=True, slots=True)
class Plan:
    """What an experiment needs.

    Attributes:
        users: users of both arms.
        treated_users: users of the new arm.
        days: days until so many users have been seen.
        mean: mean reward a user in the log.
        deviation: its standard deviation.
        users_per_day: users seen per day of the log.
    """

    users: int
    treated_users: int
    days: float
    mean: float
    deviation: float
    users_per_day: float

    def as_json(self) -> dict[str, Any]:
        """The fields by name."""
        return asdict(self)


def plan(log: Experiment, effect: float, power: float, treated: float) -> Plan:
    """The users at which the effect is found with the probability `power`.

    That is where the effect is as large as the interval's half-width and the normal quantile of
    the power together. Each user counts with the reward of a whole log.

    Args:
        log: users' rewards before the experiment.
        effect: relative effect.
        power: probability of finding it.
        treated: share of the users in the new arm.

    Raises:
        EstimationError: the log has no two users with rewards, or the effect is too small.
    """
    reward = np.bincount(log.user, log.reward, len(log.arm))
    if len(reward) < 2 or not reward.std() or not reward.mean() > 0:
        raise EstimationError("the log has no users whose rewards differ: nothing can be planned")
    mean, deviation = float(reward.mean()), float(reward.std(ddof=1))
    span = max(HOUR, int(log.time.max() - log.time.min()))
    per_day = len(reward) * DAY / max(span, DAY)
    # Per user: n² v = n s² (1 / treated + 1 / (1 - treated)).
    unit = deviation**2 * (1 / treated + 1 / (1 - treated))
    rho = FIRST_LOOKS * unit * max(1.0, per_day / 24)
    quantile = float(norm.ppf(power))

    def finds(users: float) -> bool:
        variance = unit * users
        half = float(boundary(np.array([variance]), rho)[0]) / users
        return half + quantile * math.sqrt(variance) / users <= effect * mean

    low, high = 2.0, 4.0
    while not finds(high):
        low, high = high, 2 * high
        if high > MOST_USERS:
            raise EstimationError(f"an effect of {effect:.2%} needs more than {MOST_USERS:,} users")
    while high - low > 1:
        middle = (low + high) / 2
        low, high = (low, middle) if finds(middle) else (middle, high)
    users = math.ceil(high)
    return Plan(users, math.ceil(users * treated), users / per_day, mean, deviation, per_day)
