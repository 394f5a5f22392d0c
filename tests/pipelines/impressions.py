"""Impressions of the lists that the oracle expects, and the rewards that they make."""

import random
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import pyarrow.parquet as pq

from tests.fakes import LABEL, ranked_items
from tests.oracle import rules
from tests.oracle.events import Event

Impression = tuple[int, int, int]
"""User, ranking time and time."""
Minutes = dict[tuple[str, int], tuple[int, int, float]]

MALFORMED = ["1,x,3", "7"]


def oracle_lists(events: Sequence[Event]) -> dict[tuple[int, int], rules.Recommendation]:
    """The lists of a job with the fake policy."""

    def model(user: int, history: list[int]) -> list[int]:
        return ranked_items(user, history, 8)

    return rules.recommendations(events, model, rules.popular(events))


def impressions_of(events: Sequence[Event], seed: int = 0) -> list[Impression]:
    """Some lists are seen, some twice, some too late; and some that never were are seen."""
    rng, found = random.Random(seed), []
    for user, at in sorted(oracle_lists(events)):
        times = rng.choices((0, 3, 25, 599, 600), k=rng.choice((0, 0, 1, 2)))
        found += [(user, at, at + after) for after in times]
        if rng.random() < 0.1:
            found.append((user, at + 7, at + 9))
    return [*found, *found[::9]]


def wanted(
    events: Sequence[Event], impressions: Sequence[Impression]
) -> tuple[dict[tuple[int, int], list[float]], Minutes]:
    """The rewards of the lists that were shown, and their sums by policy and minute."""
    lists = oracle_lists(events)
    earned = rules.rewards(events, lists, impressions=impressions)
    sums: Minutes = defaultdict(lambda: (0, 0, 0.0))
    for (user, at), rewards in earned.items():
        policy = LABEL.decode() if lists[user, at].by_policy else "popular"
        n, hits, reward = sums[policy, at // 60 * 60]
        sums[policy, at // 60 * 60] = n + 1, hits + any(rewards), reward + sum(rewards)
    return earned, dict(sums)


def logged(folder: Path) -> dict[tuple[int, int], list[float]]:
    """The rewards in a feedback log, each list once."""
    rows = pq.read_table(folder).to_pylist()
    found = {(row["user"], row["time"]): row["rewards"] for row in rows}
    assert len(found) == len(rows)
    return found
