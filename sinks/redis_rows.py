"""From frames to what Redis keeps: the latest of each (spec section 6)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from transforms.events import EventBatch
from transforms.popular import PopularRows
from transforms.ranges import run_starts
from transforms.recommendations import Recommendations

HISTORY_SIZE = 10
"""Items in a user's history."""

EVENT_WIDTH = 33
"""Digits of an event as text."""

UserRows = tuple[list[int], list[Any], list[int]]
"""Users, what is to be written for each, and the time of each."""

_SIGN = np.uint64(1 << 63)


def histories(events: EventBatch) -> UserRows:
    """Each user's last different events, newest first, as one text, and their items, oldest first.

    An event is 33 digits that sort as text by time, item and behavior.
    """
    events = events.ordered()
    starts = run_starts(events.user)
    ends = np.append(starts[1:], len(events))
    last = np.maximum(starts, ends - HISTORY_SIZE)
    # As unsigned numbers of 20 digits, items sort as text as they do as numbers.
    rank = events.item.view(np.uint64) ^ _SIGN
    texts = [
        f"{time:012d}{rank:020d}{behavior}"
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


def latest(rows: Recommendations) -> UserRows:
    """Each user's latest recommendation as JSON: [time, item, ...], all texts."""
    rows = rows.take(np.lexsort((rows.time, rows.user)))
    starts = run_starts(rows.user)
    rows = rows.take(np.append(starts[1:], len(rows)) - 1)
    values = np.column_stack((rows.time, rows.items))
    lengths = rows.length.astype(np.int64) + 1
    values = values[np.arange(values.shape[1]) < lengths[:, None]]
    offsets = np.append(0, np.cumsum(lengths)).astype(np.int32)
    # Arrow makes and joins the texts in a tenth of Python's time.
    texts = pa.ListArray.from_arrays(offsets, pa.array(values).cast(pa.string()))
    joined = pc.binary_join(texts, '","').to_pylist()
    return rows.user.tolist(), [f'["{text}"]' for text in joined], rows.time.tolist()


def last_ranking(rows: PopularRows) -> tuple[int, list[int], list[int]]:
    """The latest window's end, items and counts, best first."""
    rows = rows.take(rows.window_end == rows.window_end.max())
    rows = rows.take(np.argsort(rows.rank))
    return int(rows.window_end[0]), rows.item.tolist(), rows.count.tolist()
