"""The rules of spec sections 3 to 5, an event at a time."""

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from typing import NamedTuple

from tests.oracle.events import Event

REWARD = {"pv": 1.0, "cart": 2.0, "fav": 2.0, "buy": 3.0}
Model = Callable[[int, list[int]], list[int]]
"""(user, history) to the policy's items, best first."""
Explore = Callable[[int, int, list[int]], tuple[list[int], list[float]]]
"""(user, ranking time, the policy's items) to the list and its propensities."""


class Recommendation(NamedTuple):
    history: list[int]
    items: list[int]
    by_policy: bool
    last_reward: int
    propensities: tuple[float, ...] = ()


def popular(
    events: Iterable[Event],
    window: int = 3600,
    period: int = 80,
    size: int = 17,
    cap: int = 0,
    available: Callable[[int], set[int]] | None = None,
) -> dict[int, list[tuple[int, int]]]:
    """window_end to [(item, count)], for every window with an event.

    With a `cap`, at most so many events of a user on an item count in a window. `available` gives
    the items that are available at a time.
    """
    pairs: dict[int, Counter[tuple[int, int]]] = defaultdict(Counter)
    for event in set(events):
        end = (event.time // period + 1) * period
        while end - window <= event.time:
            pairs[end][event.user, event.item] += 1
            end += period
    counts: dict[int, Counter[int]] = defaultdict(Counter)
    for end, found in pairs.items():
        for (_, item), count in found.items():
            counts[end][item] += min(count, cap) if cap else count
    if available:
        counts = {
            end: Counter({item: n for item, n in found.items() if item in available(end)})
            for end, found in counts.items()
        }
    return {
        end: sorted(items.items(), key=lambda pair: (-pair[1], pair[0]))[:size]
        for end, items in counts.items()
        if items
    }


def recommendations(
    events: Iterable[Event],
    model: Model,
    rankings: dict[int, list[tuple[int, int]]],
    *,
    window: int = 60,
    period: int = 20,
    history_size: int = 10,
    min_history: int = 10,
    count: int = 8,
    repeat_consumed: bool = False,
    exclude_bought: int = 30 * 86_400,
    available: Callable[[int], set[int]] | None = None,
    ttl: int = 0,
    memory: int = 0,
    explore: Explore | None = None,
) -> dict[tuple[int, int], Recommendation]:
    """(user, ranking time) to the recommendation.

    With a `ttl` (seconds), a history starts anew after a longer silence, and a recommendation
    counts as the previous one for `memory` seconds. `available` gives the items that are available
    at a time. No list has an item that the user bought in the `exclude_bought` seconds before it.
    With `explore`, rows have propensities.
    """
    events = list(events)
    by_user: dict[int, list[Event]] = defaultdict(list)
    for event in sorted(set(events)):
        by_user[event.user].append(event)
    ends = sorted(rankings)
    seen = {event.item for event in events}
    answers = {}
    for user, own in by_user.items():
        due = set()
        for event in own:
            at = (event.time // period + 1) * period
            while at - window <= event.time:
                due.add(at)
                at += period
        before: tuple[int, list[int]] | None = None
        times = [event.time for event in own]
        for at in sorted(due):
            begin = end = bisect_left(times, at)
            while begin > max(0, end - history_size):
                if ttl and begin < end and times[begin] - times[begin - 1] > ttl:
                    break
                begin -= 1
            history = [event.item for event in own[begin:end]]
            banned = set() if repeat_consumed else set(history)
            bought = {
                event.item
                for event in own
                if event.behavior == "buy" and at - exclude_bought <= event.time < at
            }
            banned |= bought
            if available:
                offered = available(at)
                gone = (seen | set(model(user, history))) - offered
                banned |= gone
                bought |= gone
            pool = model(user, history) if len(history) >= min_history else []
            pool = [item for item in pool if item not in bought]
            items, chances = explore(user, at, pool) if explore else (pool[:count], [])
            by_policy = bool(items)
            latest = bisect_right(ends, at) - 1
            if latest >= 0:
                for item, _ in rankings[ends[latest]]:
                    if len(items) < count and item not in banned and item not in items:
                        items = [*items, item]
            last_reward = -1
            if before is not None and not (memory and at - before[0] > memory):
                since, shown = before
                later = own[bisect_left(times, since) : bisect_left(times, at)]
                last_reward = len(set(shown) & {event.item for event in later})
            if explore:
                chances = [*chances, *[1.0] * (len(items) - len(chances))]
            answers[user, at] = Recommendation(
                history, items, by_policy, last_reward, tuple(chances)
            )
            before = (at, items)
    return answers


def shown_lists(
    rows: dict[tuple[int, int], Recommendation], memory: int = 0
) -> dict[tuple[int, int], Recommendation]:
    """The lists that count as shown: with items, and unlike the user's list before.

    With a `memory` (seconds), a list that is older is no list before.
    """
    shown, before = {}, {}
    for (user, at), row in sorted(rows.items()):
        old_at, old_items = before.get(user, (at, None))
        if memory and at - old_at > memory:
            old_items = None
        if row.items and row.items != old_items:
            shown[user, at] = row
        before[user] = at, row.items
    return shown


def rewards(
    events: Iterable[Event],
    rows: dict[tuple[int, int], Recommendation],
    reward_window: int = 600,
    memory: int = 0,
    impressions: Iterable[tuple[int, int, int]] | None = None,
    gain: Callable[[Event], float] | None = None,
) -> dict[tuple[int, int], list[float]]:
    """(user, T) of the lists that were shown to the rewards of the items.

    An event is credited to the latest list with its item that was shown in its last `reward_window`
    seconds. An item's reward is that of the best behavior among the events that are credited. With
    `impressions` (user, T, time) these say what was shown when. `gain` says what an event earns.
    """
    gain = gain or (lambda event: REWARD[event.behavior])
    if impressions is not None:
        return _rewards_of_impressions(events, rows, reward_window, impressions, gain)
    shown = shown_lists(rows, memory)
    earned = {key: [0.0] * len(row.items) for key, row in shown.items()}
    times: dict[int, list[int]] = defaultdict(list)
    for user, at in sorted(shown):
        times[user].append(at)
    for event in sorted(set(events)):
        own = times[event.user]
        for at in reversed(own[: bisect_right(own, event.time)]):
            if at <= event.time - reward_window:
                break
            items = shown[event.user, at].items
            if event.item in items:
                place, row = items.index(event.item), earned[event.user, at]
                row[place] = max(row[place], gain(event))
                break
    return earned


def _rewards_of_impressions(
    events: Iterable[Event],
    rows: dict[tuple[int, int], Recommendation],
    reward_window: int,
    impressions: Iterable[tuple[int, int, int]],
    gain: Callable[[Event], float],
) -> dict[tuple[int, int], list[float]]:
    first: dict[tuple[int, int], int] = {}
    for user, at, time in impressions:
        if (user, at) in rows and rows[user, at].items and at <= time < at + reward_window:
            first[user, at] = min(time, first.get((user, at), time))
    earned = {key: [0.0] * len(rows[key].items) for key in first}
    for event in sorted(set(events)):
        holding = [
            (time, at)
            for (user, at), time in first.items()
            if user == event.user
            and time <= event.time < at + reward_window
            and event.item in rows[user, at].items
        ]
        if holding:
            key = event.user, max(holding)[1]
            place = rows[key].items.index(event.item)
            earned[key][place] = max(earned[key][place], gain(event))
    return earned
