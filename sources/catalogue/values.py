"""The records of a catalogue's topic: JSON values keyed by item."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import orjson
import pyarrow as pa

from sources.catalogue.malformed import joined, letters_of
from sources.catalogue.rows import ItemRows, item_rows, named
from sources.parsing.malformed import cut_text
from transforms.messages.dead_letters import NOT_AN_ID, NOT_JSON, NOT_UTF8, TOO_LONG

MAX_VALUE = 1 << 16
"""A longer value is malformed, in bytes."""


@dataclass(frozen=True, slots=True)
class CatalogueRecord:
    """A record of the topic.

    Attributes:
        key: the item's id as text, or None.
        value: a JSON object; None or empty where the item is gone.
        time: the record's timestamp in milliseconds since the epoch.
        partition: its partition.
        offset: its offset.
    """

    key: bytes | None
    value: bytes | None
    time: int
    partition: int = 0
    offset: int = 0


class _Refused(NamedTuple):
    """Why a record is malformed."""

    reason: str
    detail: str


def parse_records(
    records: Sequence[CatalogueRecord], topic: str = "", *, text_ids: bool = False
) -> ItemRows:
    """The rows of records, in their order. What is malformed is left out and is a dead letter.

    A record counts from its `updated` on, or from its timestamp. The item is the key, or where the
    record has none the value's `item`.
    """
    values = [_columns(record) for record in records]
    places = [row for row, value in enumerate(values) if isinstance(value, dict)]
    good = [value for value in values if isinstance(value, dict)]
    parts = {"item"}.union(*good)
    columns = {part: pa.array([value.get(part) for value in good], pa.string()) for part in parts}

    def origin(rows: list[int]) -> tuple[list[str], list[str]]:
        found = [records[places[row]] for row in rows]
        return [_source(topic, record) for record in found], [_raw(record) for record in found]

    rows = item_rows(columns, len(good), text_ids=text_ids, origin=origin)
    stamps = np.array([-(-records[row].time // 1000) for row in places], np.int64)
    updated = np.where(rows.updated >= 0, rows.updated, stamps[rows.place])
    refused = [
        (record, value)
        for record, value in zip(records, values, strict=True)
        if not isinstance(value, dict)
    ]
    letters = letters_of(
        [_source(topic, record) for record, _ in refused],
        [why.reason for _, why in refused],
        [_raw(record) for record, _ in refused],
        [why.detail for _, why in refused],
    )
    return replace(rows, updated=updated, letters=joined((rows.letters, letters)))


def _source(topic: str, record: CatalogueRecord) -> str:
    return f"{topic}/{record.partition}/{record.offset}"


def _raw(record: CatalogueRecord) -> str:
    """The record's value; where it has none, its key."""
    raw = record.value or record.key or b""
    if len(raw) > MAX_VALUE:
        return cut_text(raw, len(raw))
    return raw.decode("utf-8", "backslashreplace")


def _columns(record: CatalogueRecord) -> dict[str, str | None] | _Refused:
    """The parts of an item as texts, or why the record is malformed."""
    key = None
    if record.key is not None:
        try:
            key = record.key.decode("utf-8")
        except ValueError:
            return _Refused(NOT_UTF8, "some bytes of the key are not UTF-8")
    if len(record.value or b"") > MAX_VALUE:
        return _Refused(TOO_LONG, f"longer than {MAX_VALUE:,} bytes")
    try:
        value = orjson.loads(record.value) if record.value else None
    except ValueError as error:
        return _Refused(NOT_JSON, f"not JSON: {str(error)[:100]}")
    if value is None:
        gone = {"item": key, "available": "false"}
        return _Refused(NOT_AN_ID, "the record has neither a key nor a value") if not key else gone
    if not isinstance(value, dict):
        return _Refused(NOT_JSON, "the value is no JSON object")
    found = {part: _text(value[name]) for part, name in named(list(value)).items()}
    if key is not None:
        found["item"] = key
    if found.get("item") is None:
        return _Refused(NOT_AN_ID, "the record has no key, and its value no item")
    return found


def _text(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
