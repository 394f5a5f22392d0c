"""Outcomes of recommendations: the user's events that are credited to them (spec section 5)."""

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
    newer: Sequence[Recommendation] = (),
    before: Recommendation | None = None,
) -> list[Recommendation]:
    """The recommendations with their outcomes.

    An event is credited once: to the latest list that was shown before it, within the reward
    window, and holds the item. A list was shown where it has items and differs from the list
    before. Of several events on one item the most rewarded counts, and of these the first. The work
    is proportional to the number of events and of listed items, not to their product.

    Args:
        recommendations: of one user, newest first, without gaps.
        events: the user's events with behavior and time, oldest first.
        reward_window: seconds after a list in which an event counts for it.
        known_until: all events before this time are given; None if all are. A list whose reward
            window ends later gets no outcomes.
        rewards: what an event earns, by the code of its behavior.
        newer: the lists after them in whose favour events may be, newest first.
        before: the list before them; None where there is none.
    """
    reward_of = dict(zip(BEHAVIORS, rewards, strict=True))
    times: dict[Id, dict[str, list[int]]] = defaultdict(dict)
    for event in events:
        if event.time is not None and event.behavior is not None:
            times[event.item].setdefault(event.behavior, []).append(event.time)
    found: list[Recommendation] = []
    taken: dict[Id, int] = {}  # The time of the next list that was shown with an item.
    lists = [*newer, *recommendations]
    older = [each.items for each in (*lists[1:], *([before] if before else []))]
    for place, recommendation in enumerate(lists):
        start, end = recommendation.time, recommendation.time + reward_window
        items = list(dict.fromkeys(recommendation.items))
        shown = place >= len(older) or recommendation.items != older[place]
        ends = {item: min(end, taken.get(item, end)) for item in items} if shown else {}
        taken |= dict.fromkeys(ends, start)
        if place < len(newer):
            continue
        if known_until is not None and end > known_until:
            found.append(recommendation)
            continue
        outcomes = []
        for item, until in ends.items():
            best = None
            for behavior, at in times.get(item, {}).items():
                first = bisect_left(at, start)
                if first < len(at) and at[first] < until:
                    outcome = Outcome(item, behavior, at[first], reward_of.get(behavior, 0.0))
                    best = min(best or outcome, outcome, key=_rank)
            if best:
                outcomes.append(best)
        found.append(replace(recommendation, outcomes=outcomes))
    return found


def _rank(outcome: Outcome) -> tuple[float, int, str]:
    """The best outcome of an item has the least rank."""
    return (-outcome.reward, outcome.time, outcome.behavior)
