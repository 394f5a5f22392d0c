"""When rewards are earned and told (spec section 5)."""

from __future__ import annotations

from dataclasses import dataclass

from transforms.messages.minutes import MINUTE


@dataclass(frozen=True)
class RewardRules:
    """How rewards are earned.

    Attributes:
        window: seconds behind T in which an item earns its reward.
        ttl: seconds after which a silent user's latest recommendation is forgotten; 0: never.
        every_minute: whether to give each minute as soon as it is over, wherever the watermark
            jumps; of files, whose watermark stands until the end, it only costs timers.
    """

    window: int
    ttl: int = 0
    every_minute: bool = False

    @property
    def remembered(self) -> int:
        """Seconds for which a recommendation counts as its user's previous one; 0: for ever."""
        return max(self.ttl, self.window) if self.ttl else 0

    def minute_over(self, minute: int) -> int:
        """The moment at which all recommendations of a minute have had their window."""
        return minute + MINUTE + self.window

    def moments(self, first: int, last: int) -> list[int]:
        """The moments at which minutes of recommendations with T in [first, last] are over."""
        minutes = range(first // MINUTE, last // MINUTE + 1)
        chosen = minutes if self.every_minute else minutes[-1:]
        return [self.minute_over(minute * MINUTE) for minute in chosen]
