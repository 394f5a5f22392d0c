"""Columns of fields, as Arrow split them, to numbers and codes; what is wrong is masked."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from sources.parsing.compact_dates import are_dates
from sources.parsing.lines import BEHAVIOR_CODES, BLANKS, whole_number
from sources.parsing.malformed import CODES, NO_ROWS, Bools, Int64s, MalformedRows, ParsedRows
from transforms.messages.dead_letters import NOT_A_NUMBER, TIME_RANGE, UNKNOWN_BEHAVIOR
from transforms.messages.events import TIME_LIMIT, EventBatch

_SAFE_DIGITS = 18
"""Any number of so many digits fits 64 bits."""

_PLAIN = "^-?[0-9]{1,18}$"


def single_chunk(column: pa.ChunkedArray) -> pa.Array:
    """The column as one array."""
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def whole_numbers(column: pa.Array) -> tuple[Int64s, Bools]:
    """The numbers of a column of texts.

    Args:
        column: a binary array [n] of UTF-8, no nulls.

    Returns:
        The values, int64 [n], 0 where there is none; and whether there is one, bool [n].
    """
    rows = len(column)
    suspects = _suspects(column)
    texts = column.view(pa.string())
    if not len(suspects):
        return pc.cast(texts, pa.int64()).to_numpy(), np.ones(rows, bool)
    values, valid = np.zeros(rows, np.int64), np.ones(rows, bool)
    valid[suspects] = False
    values[valid] = pc.cast(texts.filter(pa.array(valid)), pa.int64()).to_numpy()

    trimmed = pc.ascii_trim(texts.take(pa.array(suspects)), BLANKS)
    plain = pc.match_substring_regex(trimmed, _PLAIN).to_numpy(zero_copy_only=False)
    values[suspects[plain]] = pc.cast(trimmed.filter(pa.array(plain)), pa.int64()).to_numpy()
    valid[suspects[plain]] = True
    rest = suspects[~plain]
    for row, text in zip(rest.tolist(), texts.take(pa.array(rest)).to_pylist(), strict=True):
        number = whole_number(text)
        if number is not None:
            values[row], valid[row] = number, True
    return values, valid


def _suspects(column: pa.Array) -> npt.NDArray[np.intp]:
    """The rows that are anything but 1 to 18 digits, in order."""
    if not len(column):
        return np.empty(0, np.intp)
    _, offset_buffer, data_buffer = column.buffers()
    offsets = np.frombuffer(offset_buffer, np.int32, len(column) + 1, 4 * column.offset)
    data = np.frombuffer(data_buffer, np.uint8) if data_buffer else np.empty(0, np.uint8)
    lengths = np.diff(offsets)
    # Unsigned arithmetic: a byte below "0" wraps to a value far above 9.
    odd_bytes = np.flatnonzero((data[offsets[0] : offsets[-1]] - np.uint8(48)) > 9) + offsets[0]
    odd_lengths = np.flatnonzero((lengths < 1) | (lengths > _SAFE_DIGITS))
    if not len(odd_bytes):
        return odd_lengths
    rows_of_bytes = np.searchsorted(offsets, odd_bytes, side="right") - 1
    return np.union1d(rows_of_bytes, odd_lengths)


def behavior_codes(column: pa.Array) -> npt.NDArray[np.int8]:
    """The behaviors' codes.

    Args:
        column: a dictionary array [n] of names, no nulls.

    Returns:
        int8 [n], -1 where the name is none of BEHAVIORS.
    """
    names = column.dictionary.to_pylist()
    table = np.array([BEHAVIOR_CODES.get(name.strip(BLANKS), -1) for name in names], np.int8)
    return table[column.indices.to_numpy()] if len(table) else np.empty(0, np.int8)


def judge(read: EventBatch, ids_valid: Bools, time_valid: Bools) -> ParsedRows:
    """The rows that are events, and what is wrong with the others (see `parsing.lines.check`).

    Args:
        read: the rows as read; a behavior that is unknown is -1.
        ids_valid: whether user and item are whole numbers, bool [n].
        time_valid: whether the time is one, bool [n].
    """
    in_range = time_valid & (read.time >= 0) & (read.time < TIME_LIMIT) & ~are_dates(read.time)
    numbers = ids_valid & time_valid
    good = numbers & in_range & (read.behavior >= 0)
    if good.all():
        return ParsedRows.of(read, NO_ROWS)
    rows = np.flatnonzero(~good)
    reason = np.select(
        (~numbers[rows], ~in_range[rows]),
        (CODES[NOT_A_NUMBER], CODES[TIME_RANGE]),
        CODES[UNKNOWN_BEHAVIOR],
    ).astype(np.int8)
    time = np.where(in_range[rows], read.time[rows], -1)
    return ParsedRows(read.take(good), np.flatnonzero(good), MalformedRows(rows, reason, time))
