"""The records of a catalogue's topic: JSON values keyed by item."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import orjson
import pyarrow as pa

from sources.catalogue.rows import ItemRows, item_rows, named

MAX_VALUE = 1 << 16
"""A longer value is malformed, in bytes."""


@dataclass(frozen=True, slots=True)
class CatalogueRecord:
    """A record of the topic.

    Attributes:
        key: the item's id as text, or None.
        value: a JSON object; None or empty where the item is gone.
        time: the record's timestamp in milliseconds since the epoch.
    """

    key: bytes | None
    value: bytes | None
    time: int


def parse_records(records: Sequence[CatalogueRecord], *, text_ids: bool = False) -> ItemRows:
    """The rows of records, in their order. What is malformed is left out and counted.

    A record counts from its `updated` on, or from its timestamp. The item is the key, or where the
    record has none the value's `item`.
    """
    values = [_columns(record) for record in records]
    good = [value for value in values if value is not None]
    parts = {"item"}.union(*good)
    columns = {part: pa.array([value.get(part) for value in good], pa.string()) for part in parts}
    stamps = [
        -(-record.time // 1000)
        for record, value in zip(records, values, strict=True)
        if value is not None
    ]
    rows = item_rows(columns, len(good), text_ids=text_ids)
    updated = np.where(rows.updated >= 0, rows.updated, np.array(stamps, np.int64)[rows.place])
    malformed = rows.malformed + len(records) - len(good)
    return replace(rows, updated=updated, malformed=malformed)


def _columns(record: CatalogueRecord) -> dict[str, str | None] | None:
    """The parts of an item as texts; None where the record is malformed."""
    key = None
    try:
        if record.key is not None:
            key = record.key.decode("utf-8")
        if not record.value:
            return None if key is None else {"item": key, "available": "false"}
        if len(record.value) > MAX_VALUE:
            return None
        value = orjson.loads(record.value)
    except ValueError:
        return None
    if value is None:
        return None if key is None else {"item": key, "available": "false"}
    if not isinstance(value, dict):
        return None
    found = {part: _text(value[name]) for part, name in named(list(value)).items()}
    if key is not None:
        found["item"] = key
    return found if found.get("item") is not None else None


def _text(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
