"""How an event's value weighs its reward. Needs no Beam, so that the web server can import it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from rivulet.limits import MOST_VALUE_FACTOR

Float64s = npt.NDArray[np.float64]

_LARGEST = float(np.finfo(np.float64).max)


@dataclass(frozen=True, slots=True)
class ValueWeight:
    """An event's reward is its behavior's reward times a factor of the event's value.

    The factor is 1 + `reward_value` x value, at most `reward_value_most`. It is 1 for an event
    without a value, or whose value is not above 0. The names are those of a job's settings.

    Attributes:
        reward_value: what the factor grows by for each unit of value, above 0.
        reward_value_most: the largest factor, above 1: one large order does not outweigh all else.
    """

    reward_value: float
    reward_value_most: float = MOST_VALUE_FACTOR

    def factors(self, value: Float64s) -> Float64s:
        """The factor of each value: float64 [n]; NaN stands for no value."""
        counted = np.where(value > 0, value, 0.0)
        with np.errstate(over="ignore"):
            return np.minimum(1 + self.reward_value * counted, self.reward_value_most)

    def settings(self) -> dict[str, float]:
        """The weight as settings of a job."""
        return asdict(self)

    @staticmethod
    def of(settings: Mapping[str, object]) -> ValueWeight | None:
        """The weight that a job's settings have; None where values do not count.

        Raises:
            ValueError: a setting is no number in its range.
        """
        weight = settings.get("reward_value")
        if weight is None:
            return None
        return ValueWeight(
            _above(0, "reward_value", weight),
            _above(1, "reward_value_most", settings.get("reward_value_most", MOST_VALUE_FACTOR)),
        )


def _above(least: float, name: str, value: object) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not least < value <= _LARGEST:  # type: ignore[operator]
        raise ValueError(f"{name} is {value!r}")
    return float(value)  # type: ignore[arg-type]
