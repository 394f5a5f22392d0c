"""Outcomes of recommendations: the user's events on the listed items within the reward window."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from serving.schemas import Id
from serving.schemas.users import Event, Outcome, Recommendation
from transforms.messages.behaviors import BEHAVIORS, USUAL_REWARDS


def with_outcomes(
    recommendations: Sequence[Recommendation],
    events: Sequence[Event],
    reward_window: int,
    known_until: int | None = None,
    rewards: Sequence[float] = USUAL_REWARDS,
) -> list[Recommendation]:
    """The recommendations with their outcomes.

    Of several events on one item the most rewarded counts, and of these the first. The work is
    proportional to the number of events and of listed items, not to their product.

    Args:
        recommendations: of one user.
        events: the user's events with behavior and time, oldest first.
        reward_window: seconds after a list in which an event counts for it.
        known_until: all events before this time are given; None if all are. A list whose reward
            window ends later gets no outcomes.
        rewards: what an event earns, by the code of its behavior.
    """
    reward_of = dict(zip(BEHAVIORS, rewards, strict=True))
    times: dict[Id, dict[str, list[int]]] = defaultdict(dict)
    for event in events:
        if event.time is not None and event.behavior is not None:
            times[event.item].setdefault(event.behavior, []).append(event.time)
    found = []
    for recommendation in recommendations:
        start, end = recommendation.time, recommendation.time + reward_window
        if known_until is not None and end > known_until:
            found.append(recommendation)
            continue
        outcomes = []
        for item in dict.fromkeys(recommendation.items):
            best = None
            for behavior, at in times.get(item, {}).items():
                first = bisect_left(at, start)
                if first < len(at) and at[first] < end:
                    outcome = Outcome(item, behavior, at[first], reward_of.get(behavior, 0.0))
                    best = min(best or outcome, outcome, key=_rank)
            if best:
                outcomes.append(best)
        found.append(replace(recommendation, outcomes=outcomes))
    return found


def _rank(outcome: Outcome) -> tuple[float, int, str]:
    """The best outcome of an item has the least rank."""
    return (-outcome.reward, outcome.time, outcome.behavior)
