"""What came of recommendations: the user's events on the items shown, within the reward window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from serving.schemas.responses import Event, Outcome, Recommendation
from transforms.messages.behaviors import BEHAVIORS, REWARDS

REWARD_WINDOW = 600
"""Seconds after a recommendation in which an event counts for it (spec section 5)."""

REWARD_OF = dict(zip(BEHAVIORS, REWARDS.tolist(), strict=True))


def with_outcomes(
    recommendations: Sequence[Recommendation], events: Sequence[Event]
) -> list[Recommendation]:
    """The recommendations with what the user did on their items.

    Of several events on one item, the most rewarded counts, and of these the first.

    Args:
        recommendations: of one user.
        events: the user's events with behavior and time, oldest first.
    """
    judged = []
    for shown in recommendations:
        best: dict[int, Outcome] = {}
        places = {item: place for place, item in enumerate(shown.items)}
        for event in events:
            if event.time is None or event.behavior is None or event.item not in places:
                continue
            if not shown.time <= event.time < shown.time + REWARD_WINDOW:
                continue
            reward = REWARD_OF.get(event.behavior, 0.0)
            known = best.get(event.item)
            if known is None or reward > known.reward:
                best[event.item] = Outcome(event.item, event.behavior, event.time, reward)
        outcomes = sorted(best.values(), key=lambda outcome: places[outcome.item])
        judged.append(replace(shown, outcomes=outcomes))
    return judged
