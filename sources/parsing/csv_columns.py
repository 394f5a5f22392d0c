"""Plain CSV lines to columns: Arrow splits the fields, NumPy finds what is malformed.

Arrow gives a column of numbers as one run of bytes with offsets. One pass over it finds the rows
with anything but digits, and only those are looked at more closely.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv

from sources.parsing.fields import behavior_codes, judge, single_chunk, whole_numbers
from sources.parsing.layout import Layout
from sources.parsing.malformed import NO_ROWS, Malformed, MalformedRows, ParsedRows
from transforms.messages.dead_letters import TOO_FEW, TOO_MANY
from transforms.messages.events import EventBatch

_NAMES = pa.dictionary(pa.int32(), pa.string())


def parse_plain(text: bytes, layout: Layout) -> ParsedRows:
    """The rows of lines that hold no quote, no lone carriage return and valid UTF-8.

    Args:
        text: whole lines; rows are those that are not empty, from 0.
        layout: which field is what.
    """
    if not text:
        return ParsedRows.of(EventBatch.empty(), NO_ROWS)
    other_width = _OtherWidth()
    table = _split_fields(text, layout, other_width)
    columns = {name: single_chunk(table.column(name)) for name in table.column_names}
    user, user_valid = whole_numbers(columns["user"])
    item, item_valid = whole_numbers(columns["item"])
    time, time_valid = whole_numbers(columns["time"])
    code = (
        behavior_codes(columns["behavior"])
        if "behavior" in columns
        else np.zeros(len(user), np.int8)
    )
    judged = judge(EventBatch(user, item, code, time), user_valid & item_valid, time_valid)
    if not other_width.rows:
        return judged
    skipped = MalformedRows.of(other_width.rows)
    numbers = np.delete(np.arange(len(user) + len(skipped)), skipped.row)
    return ParsedRows(
        judged.events,
        numbers[judged.rows],
        MalformedRows.concat((judged.malformed.renumbered(numbers), skipped)),
    )


class _OtherWidth:
    """Arrow's handler of rows with too few or too many fields: skips and keeps them."""

    def __init__(self) -> None:
        self.rows: list[tuple[int, Malformed]] = []

    def __call__(self, row: Any) -> str:
        reason = TOO_FEW if row.actual_columns < row.expected_columns else TOO_MANY
        self.rows.append((row.number - 1, Malformed(reason, None)))
        return "skip"


def _split_fields(text: bytes, layout: Layout, other_width: _OtherWidth) -> pa.Table:
    """The fields that an event needs, as bytes."""
    names = [f"ignored {at}" for at in range(layout.width)]
    types: dict[str, pa.DataType] = {}
    for name in ("user", "item", "time"):
        names[getattr(layout, name)] = name
        types[name] = pa.binary()
    if layout.behavior is not None:
        names[layout.behavior] = "behavior"
        types["behavior"] = _NAMES
    return pa_csv.read_csv(
        pa.BufferReader(text),
        # Arrow numbers rows only on a single thread with a single block. Beam uses the other
        # cores.
        pa_csv.ReadOptions(column_names=names, use_threads=False, block_size=len(text) + 1),
        pa_csv.ParseOptions(quote_char=False, invalid_row_handler=other_width),
        pa_csv.ConvertOptions(
            column_types=types,
            include_columns=list(types),
            null_values=[],
            strings_can_be_null=False,
            check_utf8=False,  # The whole block was checked.
        ),
    )
