"""A policy that looks at no context, as a CSV file: item, place, probability."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pyarrow as pa

from training.estimation.bandit_log import BanditLog
from training.estimation.rows import EstimationError, Floats, Int64s
from transforms.columns.names import keys_of

_TOLERANCE = 1e-6


def read_probabilities(path: str, log: BanditLog) -> Floats:
    """The policy's probability of each item at each place of a log.

    Args:
        path: a CSV file with a header; without a column `place` it holds for all places.
        log: the log whose items and places count.

    Returns:
        float64 [items, places]. Items that the log does not have are left out, so that a place's
        sum may be below 1: that part of the policy is without support.

    Raises:
        EstimationError: the file cannot be read, or the probabilities of a place do not sum to 1.
    """
    return read_place_probabilities(path, pd.Index(log.items), log.places)


def read_place_probabilities(
    path: str, items: pd.Index, places: Sequence[str], keys: Int64s | None = None
) -> Floats:
    """As `read_probabilities`, for items and places by name.

    Args:
        path: a CSV file.
        items: the items' names, of the rows of the result.
        places: the places' names, of its columns; 1, 2 .. in lists.
        keys: int64, the items' keys, where their ids may be text (`transforms.columns.names`).
    """
    try:
        table = pd.read_csv(path, dtype={"item": "string", "place": "string"})
    except (OSError, ValueError) as error:
        raise EstimationError(f"{path}: {error}") from error
    if missing := {"item", "probability"} - set(table.columns):
        raise EstimationError(f"{path} has no column {sorted(missing)[0]}")
    chance = pd.to_numeric(table["probability"], errors="coerce").to_numpy(np.float64)
    if not ((chance >= 0) & (chance <= 1)).all():
        raise EstimationError(f"{path}: probabilities must be numbers from 0 to 1")
    if table["item"].isna().any():
        raise EstimationError(f"{path}: a row has no item")
    found = np.zeros((len(items), len(places)))
    item = items.get_indexer(pd.Index(table["item"]))
    if keys is not None and len(unknown := np.flatnonzero(item < 0)):
        texts = pa.array(table["item"].to_numpy(object)[unknown], pa.string())
        item[unknown] = pd.Index(keys).get_indexer(pd.Index(keys_of(texts).key))
    for number, place in enumerate(places):
        here = np.ones(len(table), bool)
        if "place" in table:
            here = (table["place"] == place).to_numpy(bool, na_value=False)
        total = float(chance[here].sum())
        if abs(total - 1) > _TOLERANCE:
            raise EstimationError(
                f"{path}: the probabilities of place {place or 'all'} sum to {total:g}, not to 1"
            )
        if table["item"][here].duplicated().any():
            raise EstimationError(f"{path}: place {place or 'all'} has an item twice")
        known = here & (item >= 0)
        found[item[known], number] = chance[known]
    return found
