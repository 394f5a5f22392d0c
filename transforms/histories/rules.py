"""Rules of histories and recommendations (spec section 4)."""

from __future__ import annotations

from dataclasses import dataclass

from transforms.feedback.rules import RewardRules
from transforms.histories.schedule import Schedule


@dataclass(frozen=True)
class HistoryRules:
    """How histories are kept, and who gets recommendations when.

    Attributes:
        schedule: the ranking times.
        pane: seconds of event time; closed blocks start and end on its multiples. It divides the
            schedule's period.
        size: items in a history.
        minimum: smallest number of events in a history for which the policy ranks.
        ttl: seconds between two events of a user after which the history starts anew, and after
            which a silent user leaves the state; 0 for never.
        popular_size: items in a ranking of popular items.
        rewards: when rewards are reported.
        exclude_bought: seconds of event time for which a user's list has no item that the user
            bought; 0 for no such rule.
    """

    schedule: Schedule
    pane: int
    size: int
    minimum: int
    ttl: int
    popular_size: int
    rewards: RewardRules
    exclude_bought: int = 0
