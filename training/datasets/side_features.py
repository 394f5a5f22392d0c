"""Side features of users and items as small codes for embedding tables."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from inference.models.ids import IdMap
from training.datasets.categories import levels_of
from training.datasets.ids import is_text, read_ids
from training.datasets.loading import EVENTS
from training.datasets.raw_files import ITEM_FEATURES, USER_FEATURES

Int64s = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class SideFeatures:
    """Codes of the features of each row of an id table.

    Attributes:
        codes: int64 [ids + 1, features], 0 where the value is unknown; the last row is that of
            unknown ids and has no known value.
        sizes: number of codes of each feature, 0 included.
    """

    codes: Int64s
    sizes: tuple[int, ...]


def load_side_features(data: Path, users: IdMap, items: IdMap) -> tuple[SideFeatures, SideFeatures]:
    """The side features of users and of items in a data set's events.

    An id whose events differ in a feature gets the largest value. A feature without a column is
    unknown for all ids. The first parts of texts such as `electronics.audio.headphones` are further
    features (`training.datasets.categories.levels_of`).

    Args:
        data: the folder that `training.prepare` wrote.
        users: rows of the user table.
        items: rows of the item table.
    """
    present = set(pq.read_schema(data / EVENTS).names)
    features = [name for name in (*USER_FEATURES, *ITEM_FEATURES) if name in present]
    table = pq.read_table(data / EVENTS, columns=["user", "item", *features])
    sides = []
    for key, ids, names in (("user", users, USER_FEATURES), ("item", items, ITEM_FEATURES)):
        known_names = [name for name in names if name in present]
        one = table.group_by(key).aggregate([(name, "max") for name in known_names])
        rows = ids.rows(read_ids(one[key])[0])
        columns = []
        for name in names:
            if name not in present:
                columns.append(_unknown(len(rows)))
                continue
            found = _coded(one[f"{name}_max"], rows != ids.unknown)
            columns += [found, *_levels(found)]
        codes = np.zeros((len(ids) + 1, len(columns)), np.int64)
        for at, column in enumerate(columns):
            codes[rows, at] = column.code
        codes[ids.unknown] = 0
        sides.append(SideFeatures(codes, tuple(len(column.values) + 1 for column in columns)))
    return sides[0], sides[1]


@dataclass(frozen=True, slots=True, eq=False)
class _Coded:
    """A feature: for each id 0 where it is not known, else 1 and the place in `values`."""

    code: Int64s
    values: list[Any]


def _unknown(rows: int) -> _Coded:
    return _Coded(np.zeros(rows, np.int64), [])


def _coded(column: pa.ChunkedArray, wanted: npt.NDArray[np.bool_]) -> _Coded:
    """The codes of integers or texts; -1 and the empty text stand for unknown values."""
    if is_text(column.type):
        values = column.fill_null("").to_numpy().astype(object)
        known = wanted & (values != "")
    else:
        values = column.fill_null(-1).to_numpy()
        known = wanted & (values >= 0)
    different, place = np.unique(values[known], return_inverse=True)
    code = np.zeros(len(values), np.int64)
    code[known] = place + 1
    return _Coded(code, different.tolist())


def _levels(found: _Coded) -> list[_Coded]:
    """The levels of texts that have parts, as features of their own."""
    if not found.values or not isinstance(found.values[0], str):
        return []
    levels = []
    for texts in levels_of(found.values):
        different, place = np.unique(np.array(texts, object), return_inverse=True)
        levels.append(_Coded(np.append(0, place + 1)[found.code], different.tolist()))
    return levels
