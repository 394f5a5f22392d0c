"""From a frame's columns to the rows that stores take: plain Python values, in bulk."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from transforms.events import BEHAVIORS, EventBatch
from transforms.recommendations import Recommendations

_NAMES = np.array(BEHAVIORS)


def behavior_names(events: EventBatch) -> list[str]:
    """The names of the events' behaviors."""
    names: list[str] = _NAMES[events.behavior].tolist()
    return names


def policy_names(labels: np.ndarray[Any, np.dtype[np.bytes_]]) -> list[str]:
    """The labels of policies as text."""
    return [label.decode("utf-8", "replace") for label in labels.tolist()]


def lists(rows: Recommendations) -> Iterator[tuple[list[int], list[float]]]:
    """Each recommendation's items and propensities, without the padding."""
    lengths = rows.length.tolist()
    for items, propensities, length in zip(
        rows.items.tolist(), rows.propensities.tolist(), lengths, strict=True
    ):
        yield items[:length], propensities[:length]
