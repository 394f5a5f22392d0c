"""Recommendations as BSON, encoded column by column (https://bsonspec.org/spec.html).

pymongo's encoder works on each value of each document in Python. Recommendations are most of the
rows that a store gets, and all those of one policy and length have documents of one layout. The
layout is encoded once, and the 8-byte numbers are copied into it for all documents at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import bson
import numpy as np
import numpy.typing as npt
from bson.int64 import Int64
from bson.raw_bson import RawBSONDocument

from sinks.mongo import documents
from transforms.columns.packing import order
from transforms.columns.ranges import runs
from transforms.messages.recommendations import Recommendations, coded_labels

_INT, _DOUBLE = Int64(0), 0.0
_ENVELOPE = 7
"""Bytes of the document {"": value} without the value: size, type, name, end."""


def results(rows: Recommendations) -> list[Any]:
    """The documents of `documents.results`; the server adds `_id`.

    Texts have no common length: pymongo encodes documents with ids that are text.
    """
    if rows.names is not None:
        return documents.results(rows)
    made: list[Any] = [None] * len(rows)
    names, code = coded_labels(rows.policy)
    shape = code * (rows.items.shape[1] + 1) + rows.length
    place = order(shape)
    for _, run in runs(shape[place]):
        where = place[run]
        policy = names[code[where[0]]].decode("utf-8", "replace")
        listed = int(rows.length[where[0]])
        template = {
            "user": _INT,
            "time": _INT,
            "itemRec": [_INT] * listed,
            "policy": policy,
            "propensities": [_DOUBLE] * listed,
            "lastReward": _INT,
        }
        columns = (
            rows.user,
            rows.time,
            *rows.items.T[:listed],
            *rows.propensities.T[:listed],
            rows.last_reward,
        )
        filled = _filled(template, [column[where] for column in columns])
        for row, document in zip(where.tolist(), filled, strict=True):
            made[row] = document
    return made


def _filled(
    template: dict[str, Any], columns: Sequence[npt.NDArray[Any]]
) -> Iterator[RawBSONDocument]:
    """Documents of the template's layout.

    Args:
        template: a document whose numbers are replaced.
        columns: for each number of the template, in order, its values in all documents.
    """
    shape = np.frombuffer(bson.encode(template), np.uint8)
    documents = np.tile(shape, (len(columns[0]), 1))
    for place, column in zip(_offsets(template, 0), columns, strict=True):
        wide = column.astype("<f8" if column.dtype.kind == "f" else "<i8")
        documents[:, place : place + 8] = wide.view(np.uint8).reshape(-1, 8)
    whole = documents.tobytes()
    for start in range(0, len(whole), len(shape)):
        yield RawBSONDocument(whole[start : start + len(shape)])


def _offsets(document: dict[str, Any], start: int) -> Iterator[int]:
    """Offsets of the numbers in an encoded document that begins at `start`, with its lists'."""
    at = start + 4
    for name, value in document.items():
        at += len(name) + 2
        if isinstance(value, list):
            yield from _offsets({str(place): each for place, each in enumerate(value)}, at)
        elif not isinstance(value, str):
            yield at
        at += len(bson.encode({"": value})) - _ENVELOPE
