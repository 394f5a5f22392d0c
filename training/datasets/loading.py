"""Reads a data set: the folder that `training.prepare` writes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from inference.models.ids import IdMap
from rivulet.errors import UserError
from training.datasets.ids import read_ids
from training.datasets.sequences import TEST_SHARE, VALID_SHARE, Sequences, make_sequences
from transforms.columns.id_names import IdNames
from transforms.messages.behaviors import rewards_in
from transforms.messages.events import BEHAVIORS

EVENTS = "events.parquet"
META = "meta.json"


class DataError(UserError):
    """A data set is missing or cannot be used; the message says why and what to do."""


def load_sequences(
    data: Path,
    *,
    items: IdMap | None = None,
    users: IdMap | None = None,
    test_share: float = TEST_SHARE,
    valid_share: float = VALID_SHARE,
) -> Sequences:
    """The sequences of a data set; arguments as of `make_sequences`.

    Raises:
        DataError: the data set is missing or broken.
    """
    path = data / EVENTS
    try:
        table = pq.read_table(path, columns=["user", "item", "label", "time"])
        names = pa.array(BEHAVIORS, pa.string())
        labels = pc.index_in(table["label"].cast(pa.string()), value_set=names)
        nulls = any(table[name].null_count for name in ("user", "item", "time"))
        user, user_names = (None, None) if nulls else read_ids(table["user"])
        item, item_names = (None, None) if nulls else read_ids(table["item"])
        time = table["time"].cast(pa.int64())
    except FileNotFoundError as error:
        raise DataError(
            f"{data} is no data set: it has no {EVENTS}; make one with `python -m training.prepare`"
        ) from error
    except (OSError, pa.ArrowException, KeyError) as error:
        raise DataError(f"{path} cannot be read: {error}") from error
    if labels.null_count:
        raise DataError(f"{path}: a label is none of {', '.join(BEHAVIORS)}")
    if not len(labels):
        raise DataError(f"{path} has no events")
    if user is None or item is None:
        raise DataError(f"{path} has empty values in user, item or time")
    meta = read_meta(data)
    try:
        rewards = rewards_in(meta)
    except ValueError as error:
        raise DataError(f"{data / META}: {error}; prepare the data again") from error
    return make_sequences(
        user,
        item,
        labels.to_numpy().astype(np.int8),
        time.to_numpy(),
        items=items,
        users=users,
        test_share=test_share,
        valid_share=valid_share,
        fingerprint=str(meta.get("fingerprint", "")),
        rewards=rewards,
        names=IdNames(user_names, item_names),
    )


def read_meta(data: Path) -> dict[str, Any]:
    """What a data set's meta.json holds; empty where there is none that can be read."""
    try:
        meta = json.loads((data / META).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return meta if isinstance(meta, dict) else {}
