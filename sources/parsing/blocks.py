"""A block of lines to columns of events; each line is judged by itself.

Arrow splits most lines into fields (`sources.parsing.csv_columns`). Lines that Arrow reads
differently from RFC 4180 are taken out and parsed one by one by `sources.parsing.lines`:
quotes, a lone carriage return, a byte order mark, bytes that are not UTF-8. Quotes that merely
wrap a field are removed beforehand, so that a fully quoted file stays on the fast path.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sources.parsing.csv_columns import parse_plain
from sources.parsing.layout import Layout
from sources.parsing.line_index import LineIndex
from sources.parsing.lines import Row, batch_of, parse_line
from sources.parsing.malformed import (
    Malformed,
    MalformedRows,
    ParsedRows,
    details_of,
    is_further,
)
from sources.parsing.special_rows import special_rows
from transforms.messages.dead_letters import DeadLetterBatch
from transforms.messages.events import TIME_LIMIT, EventBatch

_WRAPPED = re.compile(rb'(?<![^,\n])"([^",\r\n]+)"(?![^,\r\n])')
"""A quoted field that holds no separator, no quote and no line end: its quotes mean nothing."""


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


class MalformedLines:
    """The malformed lines of a block, with their text.

    Args:
        block: the block.
        rows: the lines' numbers among those that are not empty, and what is wrong with them.
    """

    def __init__(self, block: bytes, rows: MalformedRows) -> None:
        self.rows = rows
        self.start: list[int] = []
        self.raw: list[str] = []
        if len(rows):
            lines = LineIndex.of(block)
            self.start = lines.start[rows.row].tolist()
            ends = lines.end[rows.row].tolist()
            self.raw = [
                "" if further else block[start:end].decode("utf-8", "backslashreplace")
                for start, end, further in zip(self.start, ends, is_further(rows), strict=True)
            ]

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[MalformedLine]:
        columns = (self.rows.row.tolist(), self.start, self.rows.reasons(), self.raw)
        return map(MalformedLine, *columns, self.rows.times())

    def letters(
        self, sources: Sequence[str], explain: Callable[[str, str], str] | None = None
    ) -> DeadLetterBatch:
        """The lines as dead letters.

        Args:
            sources: where each line stands.
            explain: the detail of a line from its reason and its text.
        """
        reasons = self.rows.reasons()
        details = details_of(self.rows, self.raw, explain) if explain else None
        return DeadLetterBatch.of_columns(sources, reasons, self.raw, self.rows.times(), details)


class ParsedBlock(NamedTuple):
    """What a block of lines held: each line that is not empty is in exactly one of the two."""

    events: EventBatch
    malformed: MalformedLines


def parse_block(block: bytes, layout: Layout, latest: int = TIME_LIMIT) -> ParsedBlock:
    """The events of a block of whole lines.

    Args:
        block: lines, each ended by LF or CR LF; the last one may lack its end.
        layout: which field is what.
        latest: a later event is malformed, reason `future`; seconds since the epoch.

    Returns:
        The events and the malformed lines, both in the order of the block.
    """
    parsed = parse_rows(block, layout).without_future(latest)
    return ParsedBlock(parsed.events, MalformedLines(block, parsed.malformed))


def parse_rows(block: bytes, layout: Layout) -> ParsedRows:
    """The same as `parse_block`, without the text of malformed lines; rows are its lines."""
    text = _WRAPPED.sub(rb"\1", block) if b'"' in block else block
    special = special_rows(text, quotes=True)
    if special is None:
        return parse_plain(text, layout)
    # `text` and `block` have the same rows: removed quotes are never a whole line.
    original, unwrapped = LineIndex.of(block), LineIndex.of(text)
    numbers = np.setdiff1d(np.arange(len(original)), special, assume_unique=True)
    plain = parse_plain(unwrapped.without(special), layout)
    single = _parse_each(original, special, layout)
    malformed = MalformedRows.concat((plain.malformed.renumbered(numbers), single.malformed))
    rows = np.concatenate((numbers[plain.rows], single.rows))
    events = EventBatch.concat((plain.events, single.events))
    order = np.argsort(rows)
    return ParsedRows(events.take(order), rows[order], malformed)


def _parse_each(lines: LineIndex, rows: npt.NDArray[np.int64], layout: Layout) -> ParsedRows:
    good: list[Row] = []
    good_rows: list[int] = []
    malformed: list[tuple[int, Malformed]] = []
    for row in rows.tolist():
        parsed = parse_line(lines.line(row), layout)
        if isinstance(parsed, Row):
            good.append(parsed)
            good_rows.append(row)
        else:
            malformed.append((row, parsed))
    return ParsedRows(batch_of(good), np.array(good_rows, np.int64), MalformedRows.of(malformed))
