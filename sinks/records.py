"""The columns in which stores give back the events that they keep."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa

SCHEMA = pa.schema(
    [
        ("user", pa.int64()),
        ("item", pa.int64()),
        ("behavior", pa.string()),
        ("time", pa.int64()),
    ]
)
"""NULL is a value that no job writes, such as text where there is a number."""


def as_table(
    user: Sequence[Any], item: Sequence[Any], behavior: Sequence[Any], time: Sequence[Any]
) -> pa.Table:
    """Values as drivers give them, as the columns of SCHEMA."""
    columns = zip(SCHEMA, (user, item, behavior, time), strict=True)
    return pa.table([_column(values, field.type) for field, values in columns], schema=SCHEMA)


def _column(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    try:
        found = pa.array(values)
        fits = _is_whole if pa.types.is_integer(kind) else pa.types.is_string
        if not fits(found.type):
            raise pa.ArrowTypeError(f"{found.type} is no column of {kind}")
        return found.cast(kind)
    except (pa.ArrowException, TypeError, OverflowError):
        # Stores are shared with other programs: a value may be of any type.
        valid = _whole if pa.types.is_integer(kind) else _text
        return pa.array(map(valid, values), kind)


def _is_whole(kind: pa.DataType) -> bool:
    """Whether a cast to integers fails where it would cut off a part."""
    return bool(pa.types.is_integer(kind) or pa.types.is_decimal(kind) or pa.types.is_null(kind))


def _whole(value: Any) -> int | None:
    if isinstance(value, Decimal) and value.is_finite() and value == value.to_integral_value():
        value = int(value)
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    return value if is_whole and -(2**63) <= value < 2**63 else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
