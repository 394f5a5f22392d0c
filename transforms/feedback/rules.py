"""Rules of rewards (spec section 5)."""

from __future__ import annotations

from dataclasses import dataclass

from transforms.messages.behaviors import USUAL_REWARDS
from transforms.messages.minutes import MINUTE
from transforms.messages.value_weight import ValueWeight


@dataclass(frozen=True)
class RewardRules:
    """How recommendations earn rewards, and when these are reported.

    Attributes:
        window: seconds after the ranking time in which an item earns its reward.
        ttl: seconds after which a silent user's latest recommendation is forgotten; 0 for never.
        every_minute: whether to report the sums of each minute as soon as it is over. For files,
            whose watermark advances once at the end, this would only cost timers.
        rewards: what an event earns, by the code of its behavior.
        value: how an event's value weighs that; None where it does not count.
    """

    window: int
    ttl: int = 0
    every_minute: bool = False
    rewards: tuple[float, ...] = USUAL_REWARDS
    value: ValueWeight | None = None

    @property
    def memory(self) -> int:
        """Seconds for which a recommendation counts as a user's previous one; 0 for ever."""
        return max(self.ttl, self.window) if self.ttl else 0

    def report_time(self, minute: int) -> int:
        """When the reward windows of all recommendations of a minute are over."""
        return minute + MINUTE + self.window

    def report_times(self, first: int, last: int) -> list[int]:
        """The report times of the minutes that contain ranking times in [first, last]."""
        minutes = range(first // MINUTE, last // MINUTE + 1)
        chosen = minutes if self.every_minute else minutes[-1:]
        return [self.report_time(minute * MINUTE) for minute in chosen]
