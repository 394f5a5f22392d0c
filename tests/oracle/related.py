"""Related items by hand: the rules of `transforms.related.rules`, one event at a time."""

from collections import defaultdict
from collections.abc import Iterable

from tests.oracle.events import Event
from transforms.related.rules import RelatedRules

Lists = dict[tuple[int, int], list[tuple[int, int]]]


def pairs_of_slot(events: list[Event], slot: int, rules: RelatedRules) -> set[tuple[int, int, int]]:
    """(user, item, other) of a slot."""
    start = slot * rules.gap
    first: dict[int, dict[int, int]] = defaultdict(dict)
    for event in sorted(events):
        if start - rules.gap <= event.time < start + rules.gap:
            first[event.user].setdefault(event.item, event.time)
    found = set()
    for user, times in first.items():
        items = sorted(times, key=lambda item: (times[item], item))
        for place, item in enumerate(items):
            for other in items[max(0, place - rules.history) : place]:
                if times[item] >= start and times[item] - times[other] < rules.gap:
                    found |= {(user, item, other), (user, other, item)}
    return found


def related(
    events: Iterable[Event], kind: str, rules: RelatedRules, kept: int, shard_of: dict[int, int]
) -> Lists:
    """(latest slot's start, item) to [(other, count)], best first."""
    chosen = [event for event in set(events) if kind == "viewed" or event.behavior == "buy"]
    slots = {event.time // rules.gap + more for event in chosen for more in (0, 1)}
    counts: dict[int, dict[int, dict[int, int]]] = {}
    for slot in slots:
        by_item: dict[int, dict[int, int]] = defaultdict(lambda: defaultdict(int))
        for _, item, other in pairs_of_slot(chosen, slot, rules):
            by_item[item][other] += 1
        counts[slot] = {item: dict(best(others)[:kept]) for item, others in by_item.items()}
    found: Lists = {}
    ends = {slot * rules.gap // rules.period * rules.period + rules.period for slot in slots}
    for end in ends:
        sums: dict[int, dict[int, int]] = defaultdict(lambda: defaultdict(int))
        latest: dict[int, int] = {}
        for slot, by_slot in counts.items():
            if end - rules.window <= slot * rules.gap < end:
                for item in by_slot:
                    latest[item] = max(latest.get(item, 0), slot * rules.gap)
                for item, others in by_slot.items():
                    for other, count in others.items():
                        sums[item][other] += count
        by_shard: dict[int, list[int]] = defaultdict(list)
        for item in (item for item, time in latest.items() if time >= end - rules.period):
            by_shard[shard_of[item]].append(item)
        for items in by_shard.values():
            items.sort(key=lambda item: (-sum(sums[item].values()), item))
            for item in items[: -(-rules.items // rules.shards)]:
                found[latest[item], item] = best(sums[item])[: rules.size]
    return found


def best(others: dict[int, int]) -> list[tuple[int, int]]:
    """(item, count) by count, ties by the smaller item."""
    return sorted(others.items(), key=lambda pair: (-pair[1], pair[0]))
