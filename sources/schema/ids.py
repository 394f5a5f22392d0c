"""Columns of ids: whole numbers, or texts as keys with their names."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sources.parsing.malformed import Bools, Int64s
from sources.schema.columns import numbers, plain, texts
from transforms.columns.names import Names, is_valid_id, keys_of
from transforms.messages.id_kinds import TEXT

_EXACT_FLOATS = float(1 << 53)
_LARGEST = 1 << 63


class IdColumn(NamedTuple):
    """A column of ids.

    Attributes:
        id: int64 [n], numbers or keys; any value where there is no id.
        valid: bool [n], which rows have an id.
        collides: bool [n], rows whose text has the key of another text.
        names: the texts; None for numbers.
    """

    id: Int64s
    valid: Bools
    collides: Bools
    names: Names | None = None


def read_ids(column: pa.Array, kind: str) -> IdColumn:
    """The ids of a column.

    Args:
        column: of numbers or texts, with nulls where there is no value.
        kind: of the schema's ids, `integer` or `text`.
    """
    none = np.zeros(len(column), bool)
    if kind != TEXT:
        return IdColumn(*numbers(column), none)
    values = _as_texts(plain(column))
    valid = is_valid_id(values)
    found = keys_of(values if valid.all() else values.filter(pa.array(valid)))
    if valid.all():
        return IdColumn(found.key, valid, found.collides, found.names)
    key, collides = np.zeros(len(column), np.int64), none.copy()
    key[valid], collides[valid] = found.key, found.collides
    return IdColumn(key, valid, collides, found.names)


def id_text(value: Any) -> str | None:
    """A value of JSON or Avro as an id, whatever the kinds of the values around it.

    Returns:
        None where there is no value; "", which is no id, for one that is neither a text nor a
        whole number of at most 64 bits.
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, float | Decimal) and _is_exact(value) and value == int(value):
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and -_LARGEST <= value < 2 * _LARGEST:
        return str(value)
    return ""


def _is_exact(value: float | Decimal) -> bool:
    return -_EXACT_FLOATS < value < _EXACT_FLOATS


def _as_texts(column: pa.Array) -> pa.StringArray:
    """The values as texts; null where a value is neither a text nor a whole number."""
    kind = column.type
    if pa.types.is_string(kind) or pa.types.is_binary(kind):
        return texts(column)
    if pa.types.is_large_string(kind) or pa.types.is_integer(kind):
        return column.cast(pa.string())
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        number, valid = numbers(column)
        written = pa.array(number).cast(pa.string())
        return pc.if_else(pa.array(valid), written, pa.scalar(None, pa.string()))
    return pa.nulls(len(column), pa.string())
