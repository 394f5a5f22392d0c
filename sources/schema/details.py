"""The fields `event_id` and `value` of a schema, as an event's details."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sources.parsing.malformed import Bools, Int64s
from sources.schema.columns import floats, given, numbers, plain, texts
from sources.schema.schema import Schema
from transforms.columns.event_details import EventDetails
from transforms.columns.names import hash_texts


def read_details(
    columns: Mapping[str, pa.Array], schema: Schema, rows: int
) -> tuple[EventDetails | None, Bools | None]:
    """The details of some rows.

    Args:
        columns: an array [n] for each of `schema.wanted()`.
        schema: what they mean.
        rows: n.

    Returns:
        The details; None where the schema names none. And which rows have a value that is a
        number, or none, bool [n]; None where the schema names no value.
    """
    fields = schema.fields
    if fields.event_id is None and fields.value is None:
        return None, None
    details, valid = EventDetails.none(rows), None
    if fields.event_id is not None:
        details = EventDetails(event_keys(columns[fields.event_id]), details.value)
    if fields.value is not None:
        column = columns[fields.value]
        value, is_number = floats(column)
        valid = is_number | _is_empty(column)
        details = EventDetails(details.event_id, np.where(is_number, value, np.nan))
    return details, valid


def event_keys(column: pa.Array) -> Int64s:
    """What tells events apart: whole numbers as they are, texts by a hash; 0 where there is none.

    Args:
        column: an array [n] of any type.
    """
    key, whole = numbers(column)
    others = np.flatnonzero(~whole & ~_is_empty(column))
    if len(others):
        key = key.copy()  # It may be Arrow's own memory.
        key[others] = hash_texts(texts(plain(column)).take(pa.array(others)))
    return key


def _is_empty(column: pa.Array) -> Bools:
    words = pc.utf8_trim_whitespace(texts(plain(column)))
    empty: Bools = pc.equal(words, "").fill_null(True).to_numpy(zero_copy_only=False)
    return empty | ~given(column)
