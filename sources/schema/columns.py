"""Columns of any type, as files and values have them, to texts and numbers."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from sources.files.parquet_columns import number_column
from sources.parsing.fields import whole_numbers
from sources.parsing.malformed import Bools, Int64s

_NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?$"


def given(column: pa.Array) -> Bools:
    """Which rows have a value, bool [n]."""
    valid: Bools = column.is_valid().to_numpy(zero_copy_only=False)
    return valid


def plain(column: pa.Array) -> pa.Array:
    """The column without its dictionary."""
    if pa.types.is_dictionary(column.type):
        return column.dictionary_decode()
    return column


def texts(column: pa.Array) -> pa.Array:
    """The column as strings, with nulls where there is no value."""
    column = plain(column)
    if pa.types.is_binary(column.type):
        return column.view(pa.string())
    if pa.types.is_floating(column.type):
        whole = np.where(given(column), column.fill_null(0).to_numpy(), 0.5)
        if np.all(whole == np.trunc(whole)) and np.all(np.abs(whole) < 1 << 53):
            return column.cast(pa.int64()).cast(pa.string())
    return column.cast(pa.string())


def floats(column: pa.Array) -> tuple[npt.NDArray[np.float64], Bools]:
    """The numbers of a column, and which rows have one; texts may be numbers, too."""
    column = plain(column)
    kind = column.type
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        values = column.cast(pa.float64(), safe=False).fill_null(np.nan).to_numpy()
        return values, np.isfinite(values)
    words = pc.utf8_trim_whitespace(texts(column))
    valid = pc.match_substring_regex(words, _NUMBER).fill_null(False)
    valid = valid.to_numpy(zero_copy_only=False)
    values = np.full(len(words), np.nan)
    values[valid] = words.filter(pa.array(valid)).cast(pa.float64()).to_numpy()
    return values, valid & np.isfinite(values)


def numbers(column: pa.Array) -> tuple[Int64s, Bools]:
    """The whole numbers of a column, and which rows have one; texts may be numbers, too."""
    kind = column.type
    if pa.types.is_binary(kind):
        return whole_numbers(column)  # A CSV file's, without nulls.
    if pa.types.is_boolean(kind):
        return np.zeros(len(column), np.int64), np.zeros(len(column), bool)
    if pa.types.is_decimal(kind):
        values, valid = floats(column)
        valid &= np.trunc(values) == values
        column = pc.if_else(pa.array(valid), column, pa.scalar(None, kind)).cast(pa.int64())
    return number_column(column)
