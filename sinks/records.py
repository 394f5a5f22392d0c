"""The columns in which stores give back the events that they keep."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pyarrow as pa

from transforms.messages.id_kinds import INTEGERS, TEXT, IdKinds

EVENT_ID = "event_id"
"""Name of the column of ids of the events' own."""


@dataclass(frozen=True, slots=True)
class RecordColumns:
    """What the events of a store have.

    Attributes:
        ids: the kinds of the ids.
        event_id: whether events have ids of their own, which tell apart what is equal otherwise.
    """

    ids: IdKinds = INTEGERS
    event_id: bool = False

    @property
    def schema(self) -> pa.Schema:
        """The columns of a table of events.

        NULL is a value that no job writes, such as text where there is a number.
        """
        kinds = [
            ("user", pa.string() if self.ids.user == TEXT else pa.int64()),
            ("item", pa.string() if self.ids.item == TEXT else pa.int64()),
            ("behavior", pa.string()),
            ("time", pa.int64()),
        ]
        return pa.schema([*kinds, *([(EVENT_ID, pa.int64())] if self.event_id else [])])


PLAIN = RecordColumns()
"""Events with integers as ids and without ids of their own."""


def as_table(columns: Sequence[Sequence[Any]], kinds: RecordColumns = PLAIN) -> pa.Table:
    """Values as drivers give them, as the columns of `kinds.schema`.

    An event without an id of its own has the id 0.
    """
    fields = zip(kinds.schema, columns, strict=True)
    arrays = [_column(values, field.type) for field, values in fields]
    if kinds.event_id:
        arrays[-1] = arrays[-1].fill_null(0)
    return pa.table(arrays, schema=kinds.schema)


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
