"""Side features of users and items as small codes for embedding tables."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc
import pyarrow.parquet as pq

from inference.models.ids import IdMap
from training.datasets.ids import read_ids
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
    unknown for all ids.

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
        codes = np.zeros((len(ids) + 1, len(names)), np.int64)
        sizes = [1] * len(names)
        for at, name in enumerate(names):
            if name not in present:
                continue
            values = pc.fill_null(one[f"{name}_max"], -1).to_numpy()
            known = (values >= 0) & (rows != ids.unknown)
            different, code = np.unique(values[known], return_inverse=True)
            codes[rows[known], at] = code + 1
            sizes[at] = len(different) + 1
        sides.append(SideFeatures(codes, tuple(sizes)))
    return sides[0], sides[1]
