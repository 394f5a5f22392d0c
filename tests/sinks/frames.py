"""Frames for tests, from plain rows."""

import numpy as np

from transforms.messages.events import BEHAVIORS, EventBatch
from transforms.messages.popular import PopularRows
from transforms.messages.recommendations import Recommendations
from transforms.messages.related import RelatedItems
from transforms.messages.related_kinds import KINDS

Event = tuple[int, int, str, int]


def events(*rows: Event) -> EventBatch:
    """Events from (user, item, behavior, time)."""
    user, item, behavior, time = zip(*rows, strict=True)
    return EventBatch(
        np.array(user, np.int64),
        np.array(item, np.int64),
        np.array([BEHAVIORS.index(name) for name in behavior], np.int8),
        np.array(time, np.int64),
    )


def ranking(window_end: int, *places: tuple[int, int]) -> PopularRows:
    """A ranking from (item, count), best first."""
    item, count = (np.array(column, np.int64) for column in zip(*places, strict=True))
    return PopularRows(
        np.full(len(item), window_end, np.int64),
        np.arange(1, len(item) + 1, dtype=np.int64),
        item,
        count,
    )


def recommendations(*rows: tuple[int, int, list[int]], policy: str = "popular") -> Recommendations:
    """Recommendations from (user, time, items)."""
    n, k = len(rows), 8
    items = np.zeros((n, k), np.int64)
    for row, (_, _, listed) in zip(items, rows, strict=True):
        row[: len(listed)] = listed
    time = np.array([row[1] for row in rows], np.int64)
    return Recommendations(
        user=np.array([row[0] for row in rows], np.int64),
        time=time,
        items=items,
        length=np.array([len(row[2]) for row in rows], np.int64),
        propensities=np.ones((n, k), np.float32),
        policy=np.full(n, policy.encode(), "S64"),
        last_reward=np.full(n, -1, np.int64),
    )


def related(
    time: int, *rows: tuple[int, list[tuple[int, int]]], kind: str = "bought"
) -> RelatedItems:
    """Lists of related items from (item, [(other item, count)])."""
    n = len(rows)
    places = np.zeros((2, n, 3), np.int64)
    for row, (_, listed) in enumerate(rows):
        for place, pair in enumerate(listed):
            places[:, row, place] = pair
    return RelatedItems(
        np.full(n, KINDS.index(kind), np.int8),
        np.full(n, time, np.int64),
        np.array([item for item, _ in rows], np.int64),
        places[0],
        places[1],
        np.array([len(listed) for _, listed in rows], np.int64),
    )
