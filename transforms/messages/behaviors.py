"""Behaviors of users towards items. Needs no Beam, so that the web server can import it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeGuard

import numpy as np

BEHAVIORS = ("pv", "cart", "fav", "buy")
"""Names of the behaviors. An event's code is an index into this tuple."""

REWARDS = np.array([1.0, 2.0, 2.0, 3.0], dtype=np.float32)
"""The usual rewards by code (spec section 5); a schema may have others."""

USUAL_REWARDS: tuple[float, ...] = tuple(REWARDS.tolist())

REWARD_SETTINGS = tuple(f"reward_{name}" for name in BEHAVIORS)
"""Names of the rewards among a job's settings."""

_LARGEST_REWARD = 1e6


def reward_settings(rewards: Sequence[float]) -> dict[str, float]:
    """Rewards, by code, as settings of a job."""
    return dict(zip(REWARD_SETTINGS, rewards, strict=True))


def rewards_in(settings: Mapping[str, object]) -> tuple[float, ...]:
    """The rewards, by code, that a job's settings have; the usual ones where they have none.

    Raises:
        ValueError: one is no number of at least 0.
    """
    found = []
    for name, usual in zip(REWARD_SETTINGS, USUAL_REWARDS, strict=True):
        value = settings.get(name, usual)
        if not is_reward(value):
            raise ValueError(f"{name} is {value!r}")
        found.append(float(value))
    return tuple(found)


def is_reward(value: object) -> TypeGuard[float]:
    """Whether a value can be a reward: a number of at least 0."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return 0 <= value <= _LARGEST_REWARD
