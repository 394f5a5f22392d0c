"""Parquet's columns to those of an event."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sources.errors import SourceError
from sources.parsing.fields import behavior_codes, whole_numbers
from sources.parsing.layout import Layout, positions
from sources.parsing.malformed import Bools, Int64s

_EXACT_FLOATS = float(1 << 53)


def check_schema(schema: pa.Schema, path: str) -> None:
    """Makes sure that the columns that an event needs are there and can be read.

    Raises:
        SourceError: one is missing, there twice, or of a type that is neither a number nor text.
    """
    Layout.of(schema.names, f"{path}: its schema")
    for part, at in positions(schema.names).items():
        check_once(path, schema.names, schema.names[at])
        kind = _value_type(schema.types[at])
        text = pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_null(kind)
        number = pa.types.is_integer(kind) or pa.types.is_floating(kind)
        clock = part == "time" and pa.types.is_timestamp(kind)
        if not (text or (part != "behavior" and number) or clock):
            raise SourceError(
                f"{path}: column '{schema.names[at]}' is of type {schema.types[at]}, "
                f"which cannot be read as an event's {part}"
            )


def _value_type(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def number_column(column: pa.Array) -> tuple[Int64s, Bools]:
    """The whole numbers of a column (timestamps: seconds), and which rows have one."""
    if pa.types.is_dictionary(column.type):
        # Not expanded: a long text that many rows refer to stands once in memory.
        values, valid = number_column(column.dictionary)
        indices = column.indices.fill_null(0).to_numpy()
        given = column.indices.is_valid().to_numpy(zero_copy_only=False)
        if not len(values):
            return np.zeros(len(column), np.int64), given
        return np.where(given, values[indices], 0), given & valid[indices]
    kind = column.type
    present = column.is_valid().to_numpy(zero_copy_only=False)
    if pa.types.is_timestamp(kind):
        ticks = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[kind.unit]
        # Floored, so that a time before 1970 does not round up into it.
        return column.cast(pa.int64()).fill_null(0).to_numpy() // ticks, present
    if pa.types.is_floating(kind):
        floats = column.cast(pa.float64()).fill_null(0).to_numpy()
        whole = present & (np.abs(floats) < _EXACT_FLOATS) & (np.trunc(floats) == floats)
        return np.where(whole, floats, 0).astype(np.int64), whole
    if pa.types.is_uint64(kind):
        wide = column.fill_null(0).to_numpy()
        fits = present & (wide <= np.uint64(2**63 - 1))
        return np.where(fits, wide, 0).astype(np.int64), fits
    if pa.types.is_integer(kind):
        return column.cast(pa.int64()).fill_null(0).to_numpy(), present
    return whole_numbers(column.cast(pa.string()).fill_null("").cast(pa.binary()))


def behavior_column(column: pa.Array) -> np.ndarray[tuple[int], np.dtype[np.int8]]:
    """The behaviors' codes, -1 where the name is unknown or missing."""
    if not pa.types.is_dictionary(column.type):
        column = pc.dictionary_encode(column.cast(pa.string()))
    names = column.dictionary.cast(pa.string()).fill_null("")
    # A missing name becomes one that no behavior has.
    names = pa.concat_arrays([names, pa.array([""], pa.string())])
    indices = column.indices.cast(pa.int64()).fill_null(len(names) - 1)
    return behavior_codes(pa.DictionaryArray.from_arrays(indices, names))


def text_columns(schema: pa.Schema) -> list[str]:
    """The columns of text, which are read as dictionaries."""
    return [
        field.name
        for field in schema
        if pa.types.is_string(field.type) or pa.types.is_large_string(field.type)
    ]


def check_once(path: str, names: list[str], name: str) -> None:
    """Makes sure that a column is not there twice.

    Raises:
        SourceError: it is.
    """
    if names.count(name) > 1:
        raise SourceError(f"{path} has two columns {name!r}: rename one of them")


def python_values(column: pa.Array) -> list[Any]:
    """The values of a column as Python has them; of times that it has not, the stored numbers.

    Python's years end with 9999, and it may not know a column's time zone.
    """
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    try:
        values: list[Any] = column.to_pylist()
    except (OverflowError, ValueError, LookupError):
        if not pa.types.is_temporal(column.type):
            raise
        values = column.view(pa.int32() if column.type.bit_width == 32 else pa.int64()).to_pylist()
    return values


def shortened(column: pa.Array, most: int) -> pa.Array:
    """The column; texts of more than `most` characters are cut, with a mark."""
    if pa.types.is_dictionary(column.type):
        values = shortened(column.dictionary, most)
        return pa.DictionaryArray.from_arrays(column.indices, values)
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        return column
    start = pc.utf8_slice_codeunits(column, 0, most)
    mark = pa.scalar("... [cut]", column.type)
    cut = pc.binary_join_element_wise(start, mark, pa.scalar("", column.type))
    return pc.if_else(pc.greater(pc.utf8_length(column), most), cut, column)
