"""Converts the oracle's tuples to columns and back."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from tests.oracle.events import Event
from transforms.columns.frames import Frame
from transforms.messages.events import BEHAVIORS, EventBatch
from transforms.messages.popular import PopularRows


def batch(events: Iterable[Event]) -> EventBatch:
    rows = list(events)
    return EventBatch(
        np.array([event.user for event in rows], np.int64),
        np.array([event.item for event in rows], np.int64),
        np.array([BEHAVIORS.index(event.behavior) for event in rows], np.int8),
        np.array([event.time for event in rows], np.int64),
    )


def events_of(block: EventBatch) -> list[Event]:
    columns = (block.time, block.item, block.user, block.behavior)
    return [
        Event(time, item, user, BEHAVIORS[code])
        for time, item, user, code in zip(*(column.tolist() for column in columns), strict=True)
    ]


def rows_of(frames: Iterable[Frame]) -> list[tuple[Any, ...]]:
    """The rows of frames as tuples of Python values."""
    return [
        row
        for frame in frames
        for row in zip(*(column.tolist() for column in frame.columns()), strict=True)
    ]


def ranking(end: int, items: list[tuple[int, int]]) -> PopularRows:
    """The ranking of a window, from the oracle's [(item, count)]."""
    item, count = np.array(items, np.int64).reshape(-1, 2).T
    rank = np.arange(1, len(items) + 1, dtype=np.int64)
    return PopularRows(np.full(len(items), end, np.int64), rank, item, count)
