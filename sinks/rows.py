"""From the columns of frames to Python values, as drivers take them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from transforms.messages.events import BEHAVIORS, EventBatch, Int64s
from transforms.messages.recommendations import Recommendations, coded_labels

_NAMES = np.array(BEHAVIORS)


def behavior_names(events: EventBatch) -> list[str]:
    """The name of each event's behavior."""
    names: list[str] = _NAMES[events.behavior].tolist()
    return names


def policy_names(labels: np.ndarray[Any, np.dtype[np.bytes_]]) -> list[str]:
    """The policies' labels as text; bytes that are not UTF-8 are replaced."""
    names, code = coded_labels(labels)
    texts = [name.decode("utf-8", "replace") for name in names.tolist()]
    return [texts[place] for place in code.tolist()]


def lists(rows: Recommendations) -> Iterator[tuple[list[int], list[float]]]:
    """Each recommendation's items and propensities without padding."""
    return zip(_cut(rows.items, rows.length), _cut(rows.propensities, rows.length), strict=True)


def json_lists(matrix: np.ndarray[Any, Any], length: Int64s) -> list[str]:
    """Each row's first `length` numbers as a JSON list.

    Args:
        matrix: integers or floats [n, k].
        length: int64 [n], at most k.
    """
    if matrix.size:
        value = matrix[:1, 0]
        padding = np.arange(matrix.shape[1]) >= length[:, None]
        if ((matrix == value) | padding).all():
            # A deterministic policy has propensity 1.0 everywhere: one text for each length.
            texts = [str(value.tolist() * n) for n in range(matrix.shape[1] + 1)]
            return [texts[n] for n in length.tolist()]
    real = np.arange(matrix.shape[1]) < length[:, None]
    offsets = np.concatenate((np.zeros(1, np.int32), np.cumsum(real.sum(axis=1), dtype=np.int32)))
    if matrix.dtype.kind == "f":
        numbers = pa.array(list(map(str, matrix[real].tolist())), pa.string())
    else:
        numbers = pa.array(matrix[real]).cast(pa.string())
    # Arrow joins the texts of all rows at once.
    joined = pc.binary_join(pa.ListArray.from_arrays(pa.array(offsets), numbers), ", ")
    listed: list[str] = pc.binary_join_element_wise("[", joined, "]", "").to_pylist()
    return listed


def _cut(matrix: np.ndarray[Any, Any], length: Int64s) -> list[list[Any]]:
    rows: list[list[Any]] = matrix.tolist()
    if (length == matrix.shape[1]).all():
        return rows
    return [row[:n] for row, n in zip(rows, length.tolist(), strict=True)]
