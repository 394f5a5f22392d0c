"""From frames to the current values that Redis keeps (spec section 6)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sinks.rows import item_ids, user_ids
from transforms.columns.ranges import run_starts
from transforms.messages.events import EventBatch
from transforms.messages.popular import PopularRows

HISTORY_SIZE = 10
"""Items in a user's history."""

TIME_WIDTH = 12
_NUMBER_WIDTH = 20
EVENT_WIDTH = TIME_WIDTH + _NUMBER_WIDTH + 1
"""Digits of an event's sort key: time, item, behavior."""

TEXT_WORDS = 4
"""Eight bytes of an item's text each, that stand in a sort key before the item's key."""
TEXT_EVENT_WIDTH = EVENT_WIDTH + TEXT_WORDS * _NUMBER_WIDTH
"""Digits of a sort key of an item that is text."""

UserRows = tuple[list[Any], list[Any], list[int]]
"""Users, the row to write for each, and the time of each."""

_SIGN = np.uint64(1 << 63)


def histories(events: EventBatch) -> UserRows:
    """Each user's last distinct events.

    Returns:
        Users; for each the sort keys of the events, newest first, joined to one text, and their
        items, oldest first, separated by line feeds; the time of each user's last event. A sort key
        has EVENT_WIDTH digits: time, item and behavior. Where items are text it has
        TEXT_EVENT_WIDTH: the first bytes of the text stand before the item's key. Sort keys compare
        as text as the events do.
    """
    # Equal events are one here, also with different ids of their own.
    events = events.plain().ordered()
    starts = run_starts(events.user)
    ends = np.append(starts[1:], len(events))
    last = np.maximum(starts, ends - HISTORY_SIZE)
    # As unsigned numbers of 20 digits, items sort as text as they do as numbers.
    rank = events.item.view(np.uint64) ^ _SIGN
    texts = [
        f"{time:0{TIME_WIDTH}d}{first}{rank:0{_NUMBER_WIDTH}d}{behavior}"
        for time, first, rank, behavior in zip(
            events.time.tolist(), _first_bytes(events), rank.tolist(), events.behavior.tolist(),
            strict=True,
        )
    ]  # fmt: skip
    items = list(map(str, item_ids(events, events.item)))
    rows = [
        ("".join(texts[start:end][::-1]), "\n".join(items[start:end]))
        for start, end in zip(last.tolist(), ends.tolist(), strict=True)
    ]
    return user_ids(events, events.user[starts]), rows, events.time[ends - 1].tolist()


def event_width(events: EventBatch) -> int:
    """Digits of a sort key of these events."""
    is_text = events.names is not None and events.names.item is not None
    return TEXT_EVENT_WIDTH if is_text else EVENT_WIDTH


def _first_bytes(events: EventBatch) -> list[str]:
    """The first bytes of each item's text as digits; nothing where items are integers."""
    if events.names is None or events.names.item is None:
        return [""] * len(events)
    names = events.names.item
    size = 8 * TEXT_WORDS
    start = pc.binary_slice(names.text.view(pa.binary()), 0, size).to_pylist()
    words = np.array(start, f"S{size}").view(">u8").reshape(-1, TEXT_WORDS).tolist()
    digits = ["".join([f"{word:0{_NUMBER_WIDTH}d}" for word in row]) for row in words]
    return [digits[row] for row in names.rows(events.item).tolist()]


def latest_ranking(rows: PopularRows) -> tuple[int, list[Any], list[int]]:
    """The latest window's end, items and counts, best first."""
    rows = rows.take(rows.window_end == rows.window_end.max())
    rows = rows.take(np.argsort(rows.rank))
    return int(rows.window_end[0]), item_ids(rows, rows.item), rows.count.tolist()
