"""Many documents of one shape as BSON, made column by column: https://bsonspec.org/spec.html.

pymongo's encoder asks Python for each value of each document. Recommendations are the most rows
that a store gets, and all of a policy have the same shape: a template is encoded once, and numbers
of 8 bytes are laid over it for all documents at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import bson
import numpy as np
import numpy.typing as npt
from bson.int64 import Int64
from bson.raw_bson import RawBSONDocument

from transforms.columns.packing import order
from transforms.columns.ranges import runs
from transforms.messages.recommendations import Recommendations, coded_labels

_INT, _DOUBLE = Int64(0), 0.0
_AROUND = 7
"""Bytes of a document {"": value} beside its value: size, type, name, end."""


def results(rows: Recommendations) -> list[RawBSONDocument]:
    """The documents of `to_documents.results` without `_id`, which the server makes."""
    documents: list[Any] = [None] * len(rows)
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
        made = _filled(template, [column[where] for column in columns])
        for row, document in zip(where.tolist(), made, strict=True):
            documents[row] = document
    return documents


def _filled(
    template: dict[str, Any], columns: Sequence[npt.NDArray[Any]]
) -> Iterator[RawBSONDocument]:
    """Documents like a template, whose numbers are the columns', in the order of its fields."""
    shape = np.frombuffer(bson.encode(template), np.uint8)
    documents = np.tile(shape, (len(columns[0]), 1))
    for place, column in zip(_places(template, 0), columns, strict=True):
        wide = column.astype("<f8" if column.dtype.kind == "f" else "<i8")
        documents[:, place : place + 8] = wide.view(np.uint8).reshape(-1, 8)
    whole = documents.tobytes()
    for start in range(0, len(whole), len(shape)):
        yield RawBSONDocument(whole[start : start + len(shape)])


def _places(document: dict[str, Any], start: int) -> Iterator[int]:
    """Where the numbers of a document that begins at `start` lie, those of its lists too."""
    at = start + 4
    for name, value in document.items():
        at += len(name) + 2
        if isinstance(value, list):
            yield from _places({str(place): each for place, each in enumerate(value)}, at)
        elif not isinstance(value, str):
            yield at
        at += len(bson.encode({"": value})) - _AROUND
