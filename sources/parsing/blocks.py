"""A block of lines to columns: Arrow cuts the fields, NumPy looks for what is wrong.

Every line is judged by itself, so that what its neighbours hold changes nothing:

1. Lines that Arrow would read in another way than we do (quotes, a lone carriage return, a
   byte order mark, bytes that are not UTF-8) are taken out and looked at one by one by
   `sources.parsing.lines`. Quotes that merely wrap a field are dropped beforehand.
2. Arrow cuts the rest into fields as bytes; a row with too few or too many is handed out.
3. A column of numbers is one run of bytes with offsets, so that one pass over it finds the
   rows with anything but digits. Only those rows are looked at more closely.
"""

from __future__ import annotations

import codecs
import re
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv as pa_csv

from sources.parsing.fields import behavior_codes, judge, single_chunk, whole_numbers
from sources.parsing.layout import Layout
from sources.parsing.line_index import QUOTE, RETURN, LineIndex
from sources.parsing.lines import Malformed, Row, parse_line
from transforms.messages.dead_letters import TOO_FEW, TOO_MANY
from transforms.messages.events import EventBatch

_WRAPPED = re.compile(rb'(?<![^,\n])"([^",\r\n]+)"(?![^,\r\n])')
"""A quoted field whose quotes are for show: no separator, no quote and no line's end in it."""

_NAMES = pa.dictionary(pa.int32(), pa.string())


class MalformedLine(NamedTuple):
    """A line that is not an event.

    Attributes:
        row: its number among the block's lines that are not empty, from 0.
        start: the offset of its first byte in the block.
        reason: one of the reasons of `transforms.messages.dead_letters`.
        raw: the line as it came, without its end.
        time: the event's time, or None where it could not be read.
    """

    row: int
    start: int
    reason: str
    raw: str
    time: int | None


class ParsedBlock(NamedTuple):
    """What a block of lines held: each line that is not empty is in exactly one of the two."""

    events: EventBatch
    malformed: list[MalformedLine]


class _Rows(NamedTuple):
    """Rows by number, with what was wrong with each."""

    events: EventBatch
    wrong: list[tuple[int, Malformed]]


def parse_block(block: bytes, layout: Layout) -> ParsedBlock:
    """The events of a block of whole lines.

    Args:
        block: lines, each ended by LF or CR LF; the last one may lack its end.
        layout: which field is what.

    Returns:
        The events and the malformed lines, both in the order of the block.
    """
    text = _WRAPPED.sub(rb"\1", block) if b'"' in block else block
    odd = _odd_rows(text)
    if odd is None:
        events, wrong = _parse_plain(text, layout)
    else:
        # Rows are the same in `text` and in `block`: what is unwrapped is never a whole line.
        lines, taken = LineIndex.of(block), LineIndex.of(text)
        plain = np.setdiff1d(np.arange(len(lines)), odd, assume_unique=True)
        events, wrong_plain = _parse_plain(taken.without(odd), layout)
        looked_at, wrong = _parse_each(lines, odd, layout)
        if len(looked_at):
            rows = (
                np.delete(plain, [row for row, _ in wrong_plain]),
                np.setdiff1d(odd, [row for row, _ in wrong], assume_unique=True),
            )
            order = np.argsort(np.concatenate(rows))
            events = EventBatch.concat((events, looked_at)).take(order)
        wrong += [(int(plain[row]), what) for row, what in wrong_plain]
    return ParsedBlock(events, _describe(LineIndex.of(block), wrong) if wrong else [])


def _odd_rows(text: bytes) -> npt.NDArray[np.int64] | None:
    """The rows that Arrow may read in another way than we do; None (the rule) without a look."""
    # Arrow drops the mark where its text begins: here, or behind odd rows that are taken out.
    marked = codecs.BOM_UTF8 in text
    quoted = b'"' in text
    lone_return = b"\r" in text and text.count(b"\r") != text.count(b"\r\n")
    valid = text.isascii() or _is_utf8(text)
    if valid and not (marked or quoted or lone_return):
        return None
    octets = np.frombuffer(text, np.uint8)
    odd = np.zeros(len(text), bool)
    if quoted:
        odd |= octets == QUOTE
    if lone_return:
        odd |= octets == RETURN  # the one of a CR LF does not count as in its line
    if marked or not valid:
        odd |= octets >= 0x80
    return LineIndex.of(text).rows_with(np.flatnonzero(odd))


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _parse_each(lines: LineIndex, rows: npt.NDArray[np.int64], layout: Layout) -> _Rows:
    good: list[Row] = []
    wrong = []
    for row in rows.tolist():
        parsed = parse_line(lines.line(row), layout)
        if isinstance(parsed, Row):
            good.append(parsed)
        else:
            wrong.append((row, parsed))
    return _Rows(batch_of(good), wrong)


def batch_of(rows: list[Row]) -> EventBatch:
    """The rows as columns."""
    if not rows:
        return EventBatch.empty()
    user, item, behavior, time = zip(*rows, strict=True)
    return EventBatch(
        np.array(user, np.int64),
        np.array(item, np.int64),
        np.array(behavior, np.int8),
        np.array(time, np.int64),
    )


def _parse_plain(text: bytes, layout: Layout) -> _Rows:
    """The rows of a block of which Arrow reads every line as we do."""
    if not text:
        return _Rows(EventBatch.empty(), [])
    cut: list[tuple[int, Malformed]] = []
    table = _cut_fields(text, layout, cut)
    columns = {name: single_chunk(table.column(name)) for name in table.column_names}
    user, user_valid = whole_numbers(columns["user"])
    item, item_valid = whole_numbers(columns["item"])
    time, time_valid = whole_numbers(columns["time"])
    code = (
        behavior_codes(columns["behavior"])
        if "behavior" in columns
        else np.zeros(len(user), np.int8)
    )
    read = EventBatch(user, item, code, time)
    events, wrong = judge(read, user_valid & item_valid, time_valid)
    if wrong:
        rows = _rows_of_table(len(read), cut)
        cut += [(int(rows[at]), what) for at, what in wrong]
    return _Rows(events, cut)


def _cut_fields(text: bytes, layout: Layout, cut: list[tuple[int, Malformed]]) -> pa.Table:
    """The fields that an event needs, as bytes; rows of another width are put into `cut`."""

    def other_width(row: Any) -> str:
        reason = TOO_FEW if row.actual_columns < row.expected_columns else TOO_MANY
        cut.append((row.number - 1, Malformed(reason, None)))
        return "skip"

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
        # One Arrow block, and one thread: rows are only numbered so, and Beam has the other cores.
        pa_csv.ReadOptions(column_names=names, use_threads=False, block_size=len(text) + 1),
        pa_csv.ParseOptions(quote_char=False, invalid_row_handler=other_width),
        pa_csv.ConvertOptions(
            column_types=types,
            include_columns=list(types),
            null_values=[],
            strings_can_be_null=False,
            check_utf8=False,  # the whole block was
        ),
    )


def _rows_of_table(rows: int, cut: list[tuple[int, Malformed]]) -> npt.NDArray[np.int64]:
    """The numbers that the table's rows had before the rows of another width were cut."""
    numbers = np.arange(rows + len(cut))
    return np.delete(numbers, [row for row, _ in cut]) if cut else numbers


def _describe(lines: LineIndex, wrong: list[tuple[int, Malformed]]) -> list[MalformedLine]:
    wrong.sort()
    return [
        MalformedLine(
            row,
            int(lines.start[row]),
            what.reason,
            lines.line(row).decode("utf-8", "backslashreplace"),
            what.time,
        )
        for row, what in wrong
    ]
