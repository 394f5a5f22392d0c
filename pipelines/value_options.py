"""The settings of the events' values in rewards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rivulet.configuration import Configuration
from rivulet.limits import MOST_VALUE_FACTOR
from rivulet.settings import option

if TYPE_CHECKING:
    from transforms.messages.value_weight import ValueWeight


def weighs_values(settings: Configuration) -> bool:
    """Whether the values of events count in a job's rewards."""
    return ValueSettings in settings and settings[ValueSettings].reward_value is not None


@dataclass(frozen=True)
class ValueSettings:
    """What the values of events count.

    Attributes:
        reward_value: weighs the reward of an event by its value, the number that `fields.value` of
            --schema names: times 1 + WEIGHT x value. An event without a value, or with one that
            is not above 0, earns what its behavior does.
        reward_value_most: the largest factor of --reward_value: one large order does not outweigh
            all other events.
    """

    reward_value: float | None = option(None, "WEIGHT", above=0, shown="values do not count")
    reward_value_most: float | None = option(
        None, "FACTOR", above=1, most=1e6, shown=f"{MOST_VALUE_FACTOR:g}"
    )

    def problems(self) -> list[str]:
        """What is wrong with the values, a line each."""
        if self.reward_value is None and self.reward_value_most is not None:
            return ["--reward_value_most has no effect without --reward_value"]
        return []

    @property
    def weight(self) -> ValueWeight | None:
        """How an event's value weighs its reward; None where it does not count."""
        if self.reward_value is None:
            return None
        # NumPy is not imported by --help.
        from transforms.messages.value_weight import ValueWeight

        return ValueWeight(self.reward_value, self.reward_value_most or MOST_VALUE_FACTOR)
