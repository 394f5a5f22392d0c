"""From the columns of frames to Python values, as drivers take them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from transforms.columns.frames import Frame
from transforms.columns.names import Names, ids_of
from transforms.messages.events import BEHAVIORS, EventBatch, Int64s
from transforms.messages.recommendations import Recommendations, coded_labels
from transforms.messages.related import RelatedItems

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


def user_ids(frame: Frame, users: Int64s) -> list[Any]:
    """Users as stores take them: numbers, or the texts that the frame has for them."""
    return ids_of(None if frame.names is None else frame.names.user, users)


def item_ids(frame: Frame, items: Int64s) -> list[Any]:
    """Items as stores take them: numbers, or the texts that the frame has for them."""
    return ids_of(None if frame.names is None else frame.names.item, items)


def lists(rows: Recommendations) -> Iterator[tuple[list[Any], list[float]]]:
    """Each recommendation's items and propensities without padding."""
    if rows.names is None or rows.names.item is None:
        items = _cut(rows.items, rows.length)
    else:
        flat, offsets = _flat(rows.items, rows.length)
        texts = pa.ListArray.from_arrays(offsets, rows.names.item.texts(flat))
        items = texts.to_pylist()
    return zip(items, _cut(rows.propensities, rows.length), strict=True)


def json_items(rows: Recommendations | RelatedItems) -> list[str]:
    """Each row's items as a JSON list, of numbers or of texts."""
    if rows.names is None or rows.names.item is None:
        return json_lists(rows.items, rows.length)
    flat, offsets = _flat(rows.items, rows.length)
    return joined_lists(
        json_texts(rows.names.item).take(pa.array(rows.names.item.rows(flat))), offsets
    )


def json_texts(names: Names) -> pa.StringArray:
    """Each name as a JSON text; other characters than ASCII stand as they are."""
    texts = [json.dumps(text, ensure_ascii=False) for text in names.text.to_pylist()]
    return pa.array(texts, pa.string())


def joined_lists(values: pa.StringArray, offsets: pa.Array) -> list[str]:
    """Lists of JSON values as JSON texts; Arrow joins those of all rows at once."""
    joined = pc.binary_join(pa.ListArray.from_arrays(offsets, values), ", ")
    listed: list[str] = pc.binary_join_element_wise("[", joined, "]", "").to_pylist()
    return listed


def _flat(matrix: np.ndarray[Any, Any], length: Int64s) -> tuple[np.ndarray[Any, Any], pa.Array]:
    """The first `length` values of each row, one row after another, and where each row begins."""
    real = np.arange(matrix.shape[1]) < length[:, None]
    offsets = np.concatenate((np.zeros(1, np.int32), np.cumsum(real.sum(axis=1), dtype=np.int32)))
    return matrix[real], pa.array(offsets)


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
    flat, offsets = _flat(matrix, length)
    if matrix.dtype.kind == "f":
        return joined_lists(pa.array(list(map(str, flat.tolist())), pa.string()), offsets)
    return joined_lists(pa.array(flat).cast(pa.string()), offsets)


def _cut(matrix: np.ndarray[Any, Any], length: Int64s) -> list[list[Any]]:
    rows: list[list[Any]] = matrix.tolist()
    if (length == matrix.shape[1]).all():
        return rows
    return [row[:n] for row, n in zip(rows, length.tolist(), strict=True)]
