"""From frames to the current values that Redis keeps (spec section 6)."""

from __future__ import annotations

from typing import Any

import numpy as np

from transforms.columns.ranges import run_starts
from transforms.messages.events import EventBatch
from transforms.messages.popular import PopularRows

HISTORY_SIZE = 10
"""Items in a user's history."""

TIME_WIDTH = 12
EVENT_WIDTH = TIME_WIDTH + 21
"""Digits of an event's sort key: time, item, behavior."""

UserRows = tuple[list[int], list[Any], list[int]]
"""Users, the row to write for each, and the time of each."""

_SIGN = np.uint64(1 << 63)


def histories(events: EventBatch) -> UserRows:
    """Each user's last distinct events.

    Returns:
        Users; for each the sort keys of the events, newest first, joined to one text, and their
        items, oldest first, separated by blanks; the time of each user's last event. A sort key has
        EVENT_WIDTH digits: time, item and behavior. Sort keys compare as text as the events do.
    """
    events = events.ordered()
    starts = run_starts(events.user)
    ends = np.append(starts[1:], len(events))
    last = np.maximum(starts, ends - HISTORY_SIZE)
    # As unsigned numbers of 20 digits, items sort as text as they do as numbers.
    rank = events.item.view(np.uint64) ^ _SIGN
    texts = [
        f"{time:0{TIME_WIDTH}d}{rank:020d}{behavior}"
        for time, rank, behavior in zip(
            events.time.tolist(), rank.tolist(), events.behavior.tolist(), strict=True
        )
    ]
    items = list(map(str, events.item.tolist()))
    rows = [
        ("".join(texts[start:end][::-1]), " ".join(items[start:end]))
        for start, end in zip(last.tolist(), ends.tolist(), strict=True)
    ]
    return events.user[starts].tolist(), rows, events.time[ends - 1].tolist()


def latest_ranking(rows: PopularRows) -> tuple[int, list[int], list[int]]:
    """The latest window's end, items and counts, best first."""
    rows = rows.take(rows.window_end == rows.window_end.max())
    rows = rows.take(np.argsort(rows.rank))
    return int(rows.window_end[0]), rows.item.tolist(), rows.count.tolist()
